"""Names of deployments, runs, tasks, workflows and task queues: the only place that makes them.

Metaflow separates ids by ``, : ! /`` in input paths (``metaflow.util.compress_list``) and takes numeric ids as
already registered (``register_run_id``), so none of ours holds such a character or is a number.
"""

from __future__ import annotations

import hashlib
import re

SCHEDULE_PREFIX = "mftctl."
TASK_QUEUE_PREFIX = "mftctl."
LISTENER_PREFIX = "mftctl.events."
FOREACH_TYPE_SUFFIX = ".foreach"
#: A Schedule appends ``-<RFC 3339 time>`` to a workflow id, and SQL visibility stores take 255 bytes.
MAX_DEPLOYMENT_LENGTH = 200

_SUFFIX_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_DEPLOYMENT = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")


def new_run_id(flow: str) -> str:
    """A run id nobody has: ``temporal-<flow in lower case>-<10 characters>``."""
    import secrets

    suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(10))
    return f"temporal-{flow.lower()}-{suffix}"


def scheduled_workflow_id(flow: str, deployment: str) -> str:
    """The workflow id a Schedule starts from; the server appends ``-<RFC 3339 time>``.

    Deployments of one flow may be due at the same time, and their runs are different ones.
    """
    apart = "" if deployment == flow else f"-{hashlib.sha256(deployment.encode()).hexdigest()[:8]}"
    return f"temporal-{flow.lower()}{apart}"


def due_workflow_id(flow: str, deployment: str, due: str) -> str:
    """The workflow id of the run that a Schedule starts when it is due (an RFC 3339 time)."""
    return f"{scheduled_workflow_id(flow, deployment)}-{due}"


def run_id_of(workflow_id: str) -> str:
    """The run id of a workflow: its id without the colons that a Schedule's time brings in."""
    return workflow_id.replace(":", "")


def task_id(step: str, path: tuple[int, ...] = (), iteration: int = 0, generation: int = 0) -> str:
    """The task id of a step at a foreach path, the same for every attempt, replay and worker.

    ``path`` holds the split indices from the outermost foreach in; ``iteration`` counts a recursive switch,
    ``generation`` how often the run had been resumed when the task was first started.
    """
    where = "-".join(str(index) for index in path) or "0"
    turn = f"-r{iteration}" if iteration else ""
    return f"temporal-{step}-{where}{turn}" + (f"-g{generation}" if generation else "")


def parameters_task_id() -> str:
    """The task that holds a run's parameters (step ``_parameters``)."""
    return task_id("parameters")


def schedule_id(deployment: str) -> str:
    """The Temporal Schedule that is the deployment."""
    return SCHEDULE_PREFIX + deployment


def deployment_of(schedule: str) -> str | None:
    """The deployment a Schedule id stands for, or None for somebody else's Schedule."""
    return schedule[len(SCHEDULE_PREFIX) :] if schedule.startswith(SCHEDULE_PREFIX) else None


def task_queue(deployment: str) -> str:
    """The task queue that serves a deployment, unless it names its own."""
    return TASK_QUEUE_PREFIX + deployment


def private_queue(run_id: str) -> str:
    """The task queue of a run that brings its own worker."""
    return TASK_QUEUE_PREFIX + run_id


def listener_id(deployment: str) -> str:
    """Workflow id of the one that keeps the events of a deployment."""
    return LISTENER_PREFIX + deployment


def listening_deployment(workflow_id: str) -> str | None:
    """The deployment whose events this workflow keeps, or None for somebody else's workflow."""
    return workflow_id[len(LISTENER_PREFIX) :] if workflow_id.startswith(LISTENER_PREFIX) else None


def notice_id(workflow_id: str, generation: int, number: int) -> str:
    """Workflow id of what tells a receiver of a run's end."""
    return f"{workflow_id}.notice-{generation}-{number}"


def triggered_run_id(flow: str, deployment: str, events: list[str]) -> str:
    """The run that these events start, the same however often that is tried."""
    digest = hashlib.sha256("\0".join((deployment, *sorted(events))).encode()).hexdigest()
    return f"temporal-{flow.lower()}-{digest[:16]}"


def foreach_type(flow: str) -> str:
    """Workflow type of the child workflows that run a part of a wide foreach."""
    return flow + FOREACH_TYPE_SUFFIX


def foreach_id(workflow_id: str, step: str, path: tuple[int, ...], low: int, generation: int = 0) -> str:
    """Workflow id of the child that runs the splits of ``step`` from index ``low`` on."""
    where = "-".join(str(index) for index in (*path, low))
    return f"{workflow_id}.{step}-{where}" + (f"-g{generation}" if generation else "")


def deployment_problem(name: str) -> str | None:
    """Why a deployment cannot have this name, or None."""
    if not _DEPLOYMENT.match(name):
        return "use letters, digits, '_', '-' and '.', and begin with a letter, a digit or '_'"
    if len(name.encode()) > MAX_DEPLOYMENT_LENGTH:
        return f"it is longer than {MAX_DEPLOYMENT_LENGTH} bytes"
    return None
