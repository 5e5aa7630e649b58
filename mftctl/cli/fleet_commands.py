"""Commands of the groups `queues` and `workers`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..console.output import Result
from ..operations.command_options import LIST, Limited

if TYPE_CHECKING:
    from ..results import queue_results, worker_results

VersionName = Annotated[str, Parameter(help="The version, as BUILD or NAME:BUILD.")]


def list_queues(*, options: Limited = Limited()) -> Result["list[queue_results.TaskQueue]"]:
    """List the task queues that deployments or open runs use: backlog, age of the oldest task, rates and workers.

    The figures are Temporal's own statistics. The backlog is an estimate. Rates are averages of the last 30 seconds,
    without the tasks that go straight to a worker instead of the task queue.
    """
    from ..operations import queue_operations

    return options.run(queue_operations.list_(options))


def list_workers(
    *,
    queue: Annotated[tuple[str, ...], LIST] = (),
    options: Limited = Limited(),
) -> Result["list[worker_results.WorkerProcess]"]:
    """List the workers: host, task queues, slots used and free, versions, since when, and when last seen.

    A worker sends a heartbeat every 10 seconds. One that was killed is `lost` after 30 seconds, and no longer listed
    after 15 minutes.

    Parameters
    ----------
    queue
        Show only workers that serve this task queue; can be repeated.
    """
    from ..operations import worker_operations

    return options.run(worker_operations.list_(options, queue))


def list_versions(*, options: Limited = Limited()) -> Result["list[worker_results.Version]"]:
    """List the versions of workers: which one takes new runs, and how many open runs stay on each.

    A worker has a version if it was started with --deployment-version. It is Temporal's worker deployment version.
    """
    from ..operations import version_operations

    return options.run(version_operations.list_(options))


def promote(version: VersionName, *, options: Limited = Limited()) -> Result["worker_results.Version"]:
    """Let a version of workers take all new runs. Open runs stay on the version that they began on."""
    from ..operations import version_operations

    return options.run(version_operations.promote(version, options))


def drain(
    version: VersionName,
    *,
    to: str | None = None,
    wait: bool = True,
    options: Limited = Limited(),
) -> Result["worker_results.Version"]:
    """Let a version of workers take no new run, and wait until it has none left. Then stop its workers.

    Parameters
    ----------
    to
        The version that takes new runs instead; needed if the drained one takes them now.
    wait
        Wait until no run is left.
    """
    from ..operations import version_operations

    return options.run(version_operations.drain(version, to, wait, options))
