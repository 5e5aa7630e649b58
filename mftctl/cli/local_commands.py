"""The commands for this machine: `mftctl dev` and `mftctl doctor`."""

from typing import TYPE_CHECKING, Annotated

from ..console.output import Result
from ..operations.command_options import FLAG, Unlimited

if TYPE_CHECKING:
    from ..results import doctor_results


def dev(
    *,
    port: int | None = None,
    ui_port: int | None = None,
) -> Result[None]:
    """Run the embedded Temporal server and its UI until Ctrl-C, with the history of earlier runs.

    `mftctl run` and all other commands detect it.

    Parameters
    ----------
    port
        Port of the server (default: 7233; 0 is a free one).
    ui_port
        Port of the UI (default: 8233; 0 is a free one).
    """
    from ..operations.embedded_server import run_server

    return run_server(port, ui_port)


def doctor(
    *, clean: Annotated[bool, FLAG] = False, options: Unlimited = Unlimited()
) -> Result["doctor_results.Diagnosis"]:
    """Show versions, the server, the profile and caches, and check that everything that the profile names works.

    Exit codes are those of `mftctl profile check`. That no server is configured and none is running is not a failure.

    Parameters
    ----------
    clean
        Remove old bundles of the zipapp, and code packages that no worker has loaded; no run loses anything.
    """
    from ..operations import diagnose as operation

    return operation.doctor(options, clean=clean)
