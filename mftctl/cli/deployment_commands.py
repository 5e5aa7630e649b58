"""`mftctl deploy` and `mftctl deployments`.

Each command imports what it does when it runs, so that `--help` needs no temporalio.
"""

from typing import Annotated

from cyclopts import Parameter

from ..console.output import Result
from ..operations.deploy_options import DeploymentOptions, Notification, Ownership, Scheduling
from ..operations.shared_options import YES, Authorize, DeploymentName, Limited, Output
from ..results.deployment_results import Deleted, Deployed, Deployment, Description, Difference


def deploy(
    flow: str,
    /,
    *,
    worker_file: Annotated[str | None, Parameter(name="--output")] = None,
    list_package: Annotated[bool, Parameter(negative="")] = False,
    deployment: DeploymentOptions = DeploymentOptions(),
    scheduling: Scheduling = Scheduling(),
    notification: Notification = Notification(),
    connection: Limited = Limited(),
    ownership: Ownership = Ownership(),
    output: Output = Output(),
) -> Result[Deployed]:
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
    from ..operations import deploy as operation

    given = (deployment, scheduling, notification)
    return operation.deploy(connection, flow, given, ownership, worker_file, listed=list_package)


def list_(
    *, flow: str | None = None, connection: Limited = Limited(), output: Output = Output()
) -> Result[list[Deployment]]:
    """List deployments with their version, schedule, workers and owner.

    Parameters
    ----------
    flow
        Only those of this flow.
    """
    from ..operations import manage_deployments

    return connection.run(manage_deployments.list_(connection, flow))


def describe(
    name: DeploymentName, /, *, connection: Limited = Limited(), output: Output = Output()
) -> Result[Description]:
    """Show a deployment with all its options, and the workers that poll its task queue now."""
    from ..operations import manage_deployments

    return connection.run(manage_deployments.describe(connection, name))


def delete(
    name: DeploymentName,
    /,
    *,
    yes: Annotated[bool, YES] = False,
    authorize: Authorize = None,
    connection: Limited = Limited(),
    output: Output = Output(),
) -> Result[Deleted]:
    """Delete a deployment and its schedule; its runs continue.

    Deletes a Schedule that was made by hand under a deployment's name, too.

    Parameters
    ----------
    yes
        Do not ask for confirmation.
    """
    from ..operations import manage_deployments

    return connection.run(manage_deployments.delete(connection, name, authorize, yes=yes))


def diff(
    name: DeploymentName,
    flow: str | None = None,
    /,
    *,
    deployment: DeploymentOptions = DeploymentOptions(),
    scheduling: Scheduling = Scheduling(),
    notification: Notification = Notification(),
    connection: Limited = Limited(),
    output: Output = Output(),
) -> Result[Difference]:
    """Show what a deploy of the flow's file as it is now, with the same options, would change. Nothing is deployed.

    The branch is that of the deployment unless another is given.

    Parameters
    ----------
    flow
        The flow's file (default: the file of that name in the current folder).
    """
    from ..operations import manage_deployments

    given = (deployment, scheduling, notification)
    return connection.run(manage_deployments.diff(connection, name, flow, given))
