"""The command `mftctl run`."""

from typing import TYPE_CHECKING, Annotated

from ..console.output import Result
from ..operations.command_options import FLAG, HostMaxAge, Isolation, RunIdFile, Unlimited
from ..operations.deploy_options import DeploymentOptions
from ..operations.runs.run_request import RunRequest

if TYPE_CHECKING:
    from ..results import run_results


def run(
    flow: str,
    /,
    *parameters: str,
    run_id_file: RunIdFile = None,
    isolation: Isolation = None,
    host_max_age: HostMaxAge = None,
    durable_retries: Annotated[bool, FLAG] = False,
    deployment: DeploymentOptions = DeploymentOptions(),
    options: Unlimited = Unlimited(),
) -> Result["run_results.FinishedRun"]:
    """Run a flow now and show its progress; without a configured Temporal server, mftctl starts one.

    Exit code 0 if the run completes, 3 if it does not. Ctrl-C cancels the run and waits for its tasks; press it again
    to exit at once.

    Parameters
    ----------
    flow
        File of the flow.
    parameters
        Parameters of the flow as name=value; for an IncludeFile, the path of a local file.
    durable_retries
        Wait @retry's minutes between attempts, as deployments do (default: retry at once).
    """
    from ..operations.runs.run_flow import run_flow

    request = RunRequest(
        flow, parameters, isolation, host_max_age, durable_retries, run_id_file, options.format
    )
    return run_flow(request, deployment, options)
