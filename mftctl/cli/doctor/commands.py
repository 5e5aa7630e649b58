"""`mftctl doctor`: the command. It imports what it does when it runs, so that `--help` needs no temporalio."""

from typing import Annotated

from ..options import FLAG, Connection, Output
from ..output import Result
from .results import Diagnosis


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
    from . import operations

    return operations.doctor(connection, clean=clean)
