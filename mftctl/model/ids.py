"""Names of deployments, events, runs, tasks, workflows and task queues: the only module that makes them.

Metaflow separates ids by ``, : ! /`` in input paths (``metaflow.util.compress_list``) and takes numeric ids for
registered ones (``register_run_id``). So no id of mftctl contains such a character or is a number.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from .resources import base_of, needs_of

SCHEDULE_PREFIX = "mftctl."
TASK_QUEUE_PREFIX = "mftctl."
LISTENER_PREFIX = "mftctl.events."
RESOURCES_PREFIX = "mftctl-resources."
#: A Schedule appends ``-<RFC 3339 time>`` to a workflow id, and SQL visibility stores take 255 bytes.
MAX_DEPLOYMENT_LENGTH = 200
#: Temporal takes 1,000 characters; a name in its own names of partitions takes some of them.
MAX_TASK_QUEUE_LENGTH = 200

_SUFFIX_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
#: What an event may be called, in words.
EVENT_NAME_HINT = "use letters, digits, '_', '-' and '.'"
_DEPLOYMENT = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
_EVENT = re.compile(r"[A-Za-z0-9_.-]+")


def new_run_id(flow: str) -> str:
    """A new, random run id: ``temporal-<flow in lower case>-<10 characters>``."""
    suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(10))
    return f"temporal-{flow.lower()}-{suffix}"


def scheduled_workflow_id(flow: str, deployment: str) -> str:
    """The prefix of the workflow ids of a Schedule; the server appends ``-<RFC 3339 time>``.

    It differs between deployments of one flow: they may be due at the same time.
    """
    apart = "" if deployment == flow else f"-{hashlib.sha256(deployment.encode()).hexdigest()[:8]}"
    return f"temporal-{flow.lower()}{apart}"


def due_workflow_id(flow: str, deployment: str, due: str) -> str:
    """The workflow id of the run that a Schedule starts at the RFC 3339 time ``due``."""
    return f"{scheduled_workflow_id(flow, deployment)}-{due}"


def run_id_of(workflow_id: str) -> str:
    """The run id of a workflow: its id without the colons of a Schedule's time."""
    return workflow_id.replace(":", "")


def task_id(step: str, path: tuple[int, ...] = (), iteration: int = 0, generation: int = 0) -> str:
    """The task id of a step at a foreach path, the same for every attempt, replay and worker.

    ``path`` holds the split indices from the outermost foreach in; ``iteration`` counts a recursive switch,
    ``generation`` the number of resumes before the task first started.
    """
    where = "-".join(str(index) for index in path) or "0"
    turn = f"-r{iteration}" if iteration else ""
    return f"temporal-{step}-{where}{turn}" + (f"-g{generation}" if generation else "")


def parameters_task_id() -> str:
    """The task that holds a run's parameters (step ``_parameters``)."""
    return task_id("parameters")


def schedule_id(deployment: str) -> str:
    """The id of a deployment's Temporal Schedule."""
    return SCHEDULE_PREFIX + deployment


def deployment_of(schedule: str) -> str | None:
    """The deployment of a Schedule id; None for a Schedule that is not mftctl's."""
    return schedule[len(SCHEDULE_PREFIX) :] if schedule.startswith(SCHEDULE_PREFIX) else None


def resource_schedule_id(queue: str) -> str:
    """The id of the Schedule that makes a task queue of ``model.resources`` known."""
    return RESOURCES_PREFIX + queue


def resource_queue_of(schedule: str) -> str | None:
    """The task queue that a Schedule makes known; None for any other Schedule."""
    return schedule[len(RESOURCES_PREFIX) :] if schedule.startswith(RESOURCES_PREFIX) else None


def task_queue(deployment: str) -> str:
    """The default task queue of a deployment."""
    return TASK_QUEUE_PREFIX + deployment


def task_queue_problem(name: object) -> str | None:
    """Why a task queue cannot have this name; None if it can. Temporal keeps names with ``/_sys/`` for itself."""
    if not isinstance(name, str) or not name.strip():
        return "a task queue needs a name"
    if name != name.strip() or not name.isprintable():
        return "a task queue's name has no blanks around it and only printable characters"
    if len(name.encode()) > MAX_TASK_QUEUE_LENGTH:
        return f"a task queue's name has at most {MAX_TASK_QUEUE_LENGTH} bytes"
    if needs_of(name) is not None:
        return (
            f"tasks of {base_of(name)} that need as much wait in it, and workers of {base_of(name)} serve it"
        )
    return "names with '/_sys/' are Temporal's own" if name.startswith("/_sys/") else None


def private_queue(run_id: str) -> str:
    """The task queue of a run that has a worker of its own (`mftctl run`)."""
    return TASK_QUEUE_PREFIX + run_id


def listener_id(deployment: str) -> str:
    """The workflow id of a deployment's listener."""
    return LISTENER_PREFIX + deployment


def listening_deployment(workflow_id: str) -> str | None:
    """The deployment of a listener's workflow id; None for other workflows."""
    return workflow_id[len(LISTENER_PREFIX) :] if workflow_id.startswith(LISTENER_PREFIX) else None


def notice_id(workflow_id: str, generation: int, number: int) -> str:
    """The workflow id of a notification of a run's end."""
    return f"{workflow_id}.notice-{generation}-{number}"


def triggered_run_id(flow: str, deployment: str, events: list[str]) -> str:
    """The id of the run that these events start: the same for each try."""
    digest = hashlib.sha256("\0".join((deployment, *sorted(events))).encode()).hexdigest()
    return f"temporal-{flow.lower()}-{digest[:16]}"


def foreach_type(flow: str) -> str:
    """The workflow type of child workflows that run a part of a wide foreach."""
    return f"{flow}.foreach"


def foreach_id(workflow_id: str, step: str, path: tuple[int, ...], low: int, generation: int = 0) -> str:
    """The workflow id of the child that runs the splits of ``step`` from index ``low`` on."""
    where = "-".join(str(index) for index in (*path, low))
    return f"{workflow_id}.{step}-{where}" + (f"-g{generation}" if generation else "")


def is_event_name(name: str) -> bool:
    """Whether an event can have this name."""
    return _EVENT.fullmatch(name) is not None


def deployment_problem(name: str) -> str | None:
    """Why a deployment cannot have this name, or None."""
    if not _DEPLOYMENT.match(name):
        return "use letters, digits, '_', '-' and '.', and begin with a letter, a digit or '_'"
    if len(name.encode()) > MAX_DEPLOYMENT_LENGTH:
        return f"it is longer than {MAX_DEPLOYMENT_LENGTH} bytes"
    return None
