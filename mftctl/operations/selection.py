"""The run, tasks or deployments that an argument of the command line names."""

from __future__ import annotations

import re

from temporalio.client import Client

from ..console.output import say
from ..console.process import collect_garbage
from ..control import deployments
from ..control.deployments import Deployment
from ..control.runs import lookup
from ..control.runs.record import RunRecord, TaskRecord
from ..control.runs.run import Run
from ..model.errors import MftctlError, NotFoundError, UsageError
from .command_options import Connection
from .open_client import open_client

_TASK = re.compile(r"^([A-Za-z_]\w*)(?:/(.+)|\[([\d,]+)\])?$")


async def open_run(name: str, deployment: str | None, connection: Connection) -> tuple[Client, Run]:
    """A client, and the run that ``name`` means; for commands that read a whole run into memory."""
    collect_garbage()
    client = await open_client(connection, connection.settings())
    return client, await find_run(client, name, deployment)


async def find_run(client: Client, name: str, deployment: str | None = None) -> Run:
    """The run that ``name`` means: an id, a prefix of one, or ``@latest``, which may be limited to a deployment."""
    if deployment is not None:
        if name != lookup.LATEST:
            raise UsageError(
                f"--deployment cannot be used with the run '{name}'",
                hint=f"leave it out, or name the run as {lookup.LATEST}",
            )
        deployment, _ = await find_deployment(client, deployment)
    return await lookup.find(client, name, deployment)


async def find_deployment(client: Client, name: str) -> tuple[str, str | None]:
    """The full name of a deployment and its flow; ``name`` and None if it is deleted or unreadable."""
    try:
        manifest = await deployments.find_manifest(client, name)
    except MftctlError as error:
        if error.code not in {"deployment.unknown", "deployment.unreadable"}:
            raise
        return name, None
    return manifest.deployment, manifest.flow


async def all_deployments(client: Client) -> list[Deployment]:
    """All deployments by name; prints a warning for each Schedule that looks like one but is unreadable."""
    found, unreadable = await deployments.list_all(client)
    for one in unreadable:
        say(one.warning)
    return found


def select_tasks(record: RunRecord, run_id: str, where: str | None) -> list[TaskRecord]:
    """The run's tasks that ``where`` names, or all of them.

    ``where`` is a step (``train``), an index path (``train/3``, ``train/3,1``, ``train[3]``) or a task id
    (``train/ID``). Exit code 4 for an unknown step or task.
    """
    tasks = [task for task in record.tasks.values() if task.kind != "hook"]
    if where is None:
        return tasks
    named = _TASK.match(where)
    if named is None:
        raise UsageError(f"'{where}' is not a task", hint="write it as STEP or STEP/INDEX")
    step, index = named[1], named[2] or named[3]
    known = [*record.manifest.graph, *record.manifest.handlers]
    if step not in known:
        raise NotFoundError(
            f"{record.manifest.flow} has no step '{step}'",
            code="step.unknown",
            hint=f"its steps: {', '.join(known)}",
        )
    tasks = [task for task in tasks if task.step == step]
    if index is None:
        return tasks
    path = tuple(int(one) for one in index.split(",")) if re.fullmatch(r"\d+(,\d+)*", index) else None
    tasks = [task for task in tasks if index == task.task_id or (path is not None and task.path == path)]
    if not tasks:
        raise NotFoundError(f"run {run_id} has no task {step}/{index} yet", code="task.unknown")
    return tasks
