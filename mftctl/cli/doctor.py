"""`mftctl doctor`: the command. It imports what it does when it runs, so that `--help` needs no temporalio."""

from typing import Annotated

from ..console.output import Result
from ..operations.shared_options import FLAG, Connection, Output
from ..results.doctor_results import Diagnosis


def doctor(
    *,
    clean: Annotated[bool, FLAG] = False,
    connection: Connection = Connection(),
    output: Output = Output(),
) -> Result[Diagnosis]:
    """Show versions, the server, the profile and caches, and check that everything that the profile names works.

    Exit codes are those of `mftctl profile check`. That no server is configured and none is running is not a failure.

    Parameters
    ----------
    clean
        Remove old bundles of the zipapp, and code packages that no worker has loaded; no run loses anything.
    """
    from ..operations import doctor as operation

    return operation.doctor(connection, clean=clean)
