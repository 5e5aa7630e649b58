"""The commands that take a flow's file: `mftctl run` and `mftctl deploy`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..console.output import Result
from ..operations.command_options import FLAG, HostMaxAge, Isolation, Limited, RunIdFile, Unlimited
from ..operations.deploy_options import AllDeploymentOptions, DeploymentOptions, Ownership
from ..operations.runs.run_request import RunRequest

if TYPE_CHECKING:
    from ..results import deployment_results, run_results


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


def deploy(
    flow: str,
    /,
    *,
    worker_file: Annotated[str | None, Parameter(name="--output")] = None,
    list_package: Annotated[bool, Parameter(negative="")] = False,
    deployment: AllDeploymentOptions = AllDeploymentOptions(),
    ownership: Ownership = Ownership(),
    options: Limited = Limited(),
) -> Result["deployment_results.Deployed"]:
    """Compile a flow, save its code in its datastore and deploy it to a Temporal server.

    Parameters
    ----------
    flow
        The flow's file.
    worker_file
        Also write a small Python file that serves the deployment, or starts a run of it.
    list_package
        List the files in the code package.
    """
    from ..operations import deploy_flow

    return options.run(
        deploy_flow.deploy(options, flow, deployment, ownership, worker_file, listed=list_package)
    )
