"""The commands for deployments: `mftctl deploy`, `worker`, `trigger` and `deployments`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..console.output import Result
from ..console.text import parse_duration
from ..operations.command_options import (
    LIST,
    Authorize,
    Connection,
    DeploymentName,
    Limited,
    RunIdFile,
    Unlimited,
    Yes,
)
from ..operations.deploy_options import AllDeploymentOptions, Ownership
from ..operations.worker_options import WorkerOptions

if TYPE_CHECKING:
    from ..results import deployment_results, run_results


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


def worker(
    *names: str,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    queue: Annotated[tuple[str, ...], LIST] = (),
    options: WorkerOptions = WorkerOptions(),
    connection: Connection = Connection(),
) -> Result[None]:
    """Run a worker for deployments until SIGTERM or Ctrl-C; running tasks then finish.

    The worker picks up new versions, and with --all or --queue new deployments, without a restart. A second signal
    stops the running tasks; they run again on another worker.

    Parameters
    ----------
    names
        Deployments, or worker files that `mftctl deploy --output` wrote.
    all_
        Serve all deployments of the Temporal namespace.
    queue
        Serve this task queue, whatever is deployed there; can be repeated (default: the profile's task_queue).
    """
    from ..operations.run_worker import run_worker

    return run_worker(names, all_, queue, options, connection)


def trigger(
    name: str,
    /,
    *parameters: str,
    wait: bool | None = None,
    timeout: str | None = None,
    run_id: str | None = None,
    run_id_file: RunIdFile = None,
    tag: Annotated[tuple[str, ...], LIST] = (),
    options: Unlimited = Unlimited(),
) -> Result["run_results.DeploymentRun"]:
    """Start a run of a deployment and print its run id.

    Parameters
    ----------
    name
        Deployment, or the last part of its name if that is unique; or its worker file, which implies --wait.
    parameters
        Parameters of the flow as name=value; for an IncludeFile, the path of a local file.
    wait
        Wait until the run ends: exit code 0 if it completes, 3 if it does not.
    timeout
        Stop waiting after this time (exit code 124); the run continues. Implies --wait.
    run_id
        Use this run id; if the run exists, print it instead of starting another one.
    tag
        Tag the run; can be repeated.
    """
    from ..operations.runs.trigger_run import start_run

    limit = None if timeout is None else parse_duration(timeout, "--timeout")
    return options.run(start_run(options, name, parameters, tag, wait, limit, run_id, run_id_file))


def list_(
    *, flow: str | None = None, options: Limited = Limited()
) -> Result["list[deployment_results.Deployment]"]:
    """List deployments with their version, schedule, workers and owner.

    Parameters
    ----------
    flow
        Only those of this flow.
    """
    from ..operations import deployment_operations

    return options.run(deployment_operations.list_(options, flow))


def describe(
    name: DeploymentName, /, *, options: Limited = Limited()
) -> Result["deployment_results.Description"]:
    """Show a deployment with all its options, and the workers that poll its task queue now."""
    from ..operations import deployment_operations

    return options.run(deployment_operations.describe(options, name))


def diff(
    name: DeploymentName,
    flow: str | None = None,
    /,
    *,
    deployment: AllDeploymentOptions = AllDeploymentOptions(),
    options: Limited = Limited(),
) -> Result["deployment_results.Difference"]:
    """Show what a deploy of the flow's file as it is now, with the same options, would change. Nothing is deployed.

    The branch is that of the deployment unless another is given.

    Parameters
    ----------
    flow
        The flow's file (default: the file of that name in the current folder).
    """
    from ..operations import deployment_operations

    return options.run(deployment_operations.diff(options, name, flow, deployment))


def delete(
    name: str,
    /,
    *,
    yes: Yes = False,
    authorize: Authorize = None,
    options: Limited = Limited(),
) -> Result["deployment_results.Deleted"]:
    """Delete a deployment and its schedule; its runs continue.

    Deletes a Schedule that was made by hand under a deployment's name, too.

    Parameters
    ----------
    name
        The deployment, by its full name.
    """
    from ..operations import deployment_operations

    return options.run(deployment_operations.delete(options, name, authorize, yes=yes))
