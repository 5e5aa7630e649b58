"""`mftctl worker`: work off the tasks of deployments."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .. import profiles
from ..model.errors import Exit, MftctlError
from ..profiles import Profile, cache_dir
from . import workerfile
from .background import background
from .options import Connection, flow_interpreter
from .output import Result, say
from .text import parse_duration

if TYPE_CHECKING:
    from ..control.task_queues import TaskQueues
    from ..worker.service import Settings


def worker(
    *names: str,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    concurrency: int | None = None,
    isolation: str | None = None,
    host_max_age: str | None = None,
    connection: Connection = Connection(),  # noqa: B008 - frozen, and how cyclopts wants it
) -> Result[None]:
    """Work off the tasks of deployments until SIGTERM or Ctrl-C, which lets running tasks finish.

    New versions, and with --all new deployments, are served without a restart. A second signal stops running tasks,
    which then run again elsewhere.

    Parameters
    ----------
    names
        Deployments, or worker files that `mftctl deploy --output` has written.
    all_
        Serve all deployments of the Temporal namespace.
    concurrency
        Tasks at once (default: the number of cores).
    isolation
        fork (default): tasks are forked from a warm process of their flow; spawn: each is a new process.
    host_max_age
        Import a flow anew when its warm process is older than this, such as 30m (default: 1h).
    """
    if bool(names) == all_:
        raise MftctlError(
            "name deployments, or say --all",
            exit=Exit.USAGE,
            code="usage",
            hint="Try `mftctl worker --help`.",
        )
    deployments, connection = workerfile.named(names, connection)
    profile = connection.settings()
    settings = worker_settings(profile, concurrency, isolation, host_max_age)
    with background():
        asyncio.run(_work(deployments or None, settings, connection, profile))
    return Result()


def worker_settings(
    profile: Profile, concurrency: int | None, isolation: str | None, host_max_age: str | None
) -> "Settings":
    """What --concurrency, --isolation, --host-max-age, MFTCTL_* and the profile come to."""
    from ..worker.freshness import MAX_AGE
    from ..worker.service import Settings

    at_once = profile.get("concurrency", concurrency)
    way = profile.get("isolation", isolation) or "fork"
    if at_once is not None and at_once < 1:
        raise _usage("--concurrency: at least 1 is needed", "leave it out for one a core")
    if way not in profiles.KEYS["isolation"].choices:
        raise _usage(f"isolation is fork or spawn, not '{way}'", "leave it out for fork")
    age = profile.setting("host_max_age", host_max_age)
    oldest = MAX_AGE if age.value is None else parse_duration(age.value, str(age.source))
    return Settings(
        cache_dir(), at_once or os.cpu_count() or 1, way, flow_interpreter(profile), host_max_age=oldest
    )


def _usage(message: str, hint: str) -> MftctlError:
    return MftctlError(message, exit=Exit.USAGE, code="usage", hint=hint)


async def _work(
    names: list[str] | None, settings: "Settings", connection: Connection, profile: Profile
) -> None:
    from ..control import deployments
    from ..control.task_queues import TaskQueues
    from ..control.unreadable import Warnings
    from ..worker.service import Service
    from .process import Signals, collect_garbage, first_of
    from .session import export_to_tasks, open_client
    from .talk import TaskLog

    collect_garbage()
    client = await open_client(connection, profile)
    export_to_tasks(client, profile)
    served = None
    if names is not None:
        served = frozenset([(await deployments.find_manifest(client, name)).deployment for name in names])
    log = TaskLog()
    warnings = Warnings(log.say)
    service = Service(client, settings, log, warnings)
    signals = Signals()
    serving = asyncio.create_task(service.keep(_queues(TaskQueues(client, served, warnings))))
    where = client.service_client.config.target_host
    say(f"serving {', '.join(sorted(served)) if served else 'all deployments'} on {where}")
    await first_of(serving, signals.first)
    if serving.done():
        await service.close()
        serving.result()
    serving.cancel()
    say("Worker shutting down gracefully.")
    stopping = asyncio.create_task(service.stop())
    await first_of(stopping, signals.second)
    if not stopping.done():
        say("stopping the running tasks; they run again elsewhere")
        service.stop_tasks()
    await stopping
    await service.close()


def _queues(served: "TaskQueues") -> Callable[[], Awaitable[frozenset[str]]]:
    """What to serve now; what was served before while the server does not answer."""
    from temporalio.service import RPCError

    last: frozenset[str] = frozenset()
    answers = True

    async def queues() -> frozenset[str]:
        nonlocal last, answers
        try:
            last = await served.current()
        except RPCError as error:
            if answers:
                say(f"the Temporal server does not answer, and is asked again and again: {error.message}")
            answers = False
        else:
            if not answers:
                say("the Temporal server answers again")
            answers = True
        return last

    return queues
