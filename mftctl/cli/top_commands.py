"""Commands that run flows: run, trigger and worker.

Each function declares a command and imports its implementation when it is called: `mftctl COMMAND --help` loads neither
temporalio nor the compiler.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..console.output import Result
from ..operations.deploy_options import DeploymentOptions
from ..operations.runs.run_request import RunRequest
from ..operations.shared_options import FLAG, LIST, Connection, Output
from ..results.run_results import DeploymentRun, FinishedRun

RunIdFile = Annotated[Path | None, Parameter(help="Write the run id to this file before the run starts.")]
Isolation = Annotated[
    str | None, Parameter(help="Start tasks as forks of a warm process (fork, default) or anew (spawn).")
]
HostMaxAge = Annotated[
    str | None,
    Parameter(help="Import a flow again when its warm process is this old (default: 1h)."),
]


def run(
    flow: str,
    /,
    *parameters: str,
    run_id_file: RunIdFile = None,
    isolation: Isolation = None,
    host_max_age: HostMaxAge = None,
    durable_retries: Annotated[bool, FLAG] = False,
    deployment: DeploymentOptions = DeploymentOptions(),
    connection: Connection = Connection(),
    output: Output = Output(),
) -> Result[FinishedRun]:
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
        flow, parameters, isolation, host_max_age, durable_retries, run_id_file, output.format
    )
    return run_flow(request, deployment, connection)


def trigger(
    name: str,
    /,
    *parameters: str,
    wait: bool | None = None,
    timeout: str | None = None,
    run_id: str | None = None,
    run_id_file: RunIdFile = None,
    tag: Annotated[tuple[str, ...], LIST] = (),
    connection: Connection = Connection(),
    output: Output = Output(),
) -> Result[DeploymentRun]:
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
    from ..operations.runs.trigger import TriggerRequest, start_run

    return start_run(TriggerRequest(name, parameters, tag, wait, timeout, run_id, run_id_file), connection)


def worker(
    *names: str,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    concurrency: int | None = None,
    isolation: Isolation = None,
    host_max_age: HostMaxAge = None,
    connection: Connection = Connection(),
) -> Result[None]:
    """Run a worker for deployments until SIGTERM or Ctrl-C; running tasks then finish.

    The worker picks up new versions, and with --all new deployments, without a restart. A second signal stops the
    running tasks; they run again on another worker.

    Parameters
    ----------
    names
        Deployments, or worker files that `mftctl deploy --output` wrote.
    all_
        Serve all deployments of the Temporal namespace.
    concurrency
        Run this many tasks at once (default: the number of cores).
    """
    from ..operations.run_worker import run_worker

    return run_worker(names, all_, connection, concurrency, isolation, host_max_age)
