"""The command lines of a task, as Metaflow's native runtime builds them (``metaflow/runtime.py``, ``CLIArgs``)."""

from __future__ import annotations

from typing import Optional

from .. import ids
from ..manifest import Launch
from ..tasks import Attempt


def top_options(launch: Launch) -> list[str]:
    """Options before the subcommand."""
    return [
        "--quiet",
        f"--metadata={launch.metadata}",
        f"--environment={launch.environment}",
        f"--datastore={launch.datastore}",
        f"--datastore-root={launch.datastore_root}",
        f"--event-logger={launch.event_logger}",
        f"--monitor={launch.monitor}",
        "--no-pylint",
        *launch.options,
    ]


def init_command(launch: Launch, attempt: Attempt) -> list[str]:
    """Stores the run's parameters as the task that feeds the first step."""
    values = [part for name, value in attempt.parameters.items() for part in (f"--{name}", value)]
    run = ["--run-id", attempt.run_id, "--task-id", ids.parameters_task_id()]
    return [*top_options(launch), "init", *run, *_tags(launch), *values]


def step_command(launch: Launch, attempt: Attempt, inputs: list[str], options: list[str]) -> list[str]:
    """Runs the attempt; ``inputs`` are the options that name its input paths, ``options`` those of @parallel."""
    ref = attempt.task.ref
    split = [] if attempt.task.split_index is None else ["--split-index", str(attempt.task.split_index)]
    namespace = [] if launch.namespace is None else ["--namespace", launch.namespace]
    return [
        *top_options(launch),
        "step",
        ref.step,
        "--run-id",
        attempt.run_id,
        "--task-id",
        ref.task_id,
        *inputs,
        *split,
        "--retry-count",
        str(attempt.number),
        "--max-user-code-retries",
        str(attempt.user_retries),
        *_tags(launch),
        *namespace,
        *options,
    ]


def parameters_path(attempt: Attempt) -> str:
    """Input path of a run's first task."""
    return f"{attempt.run_id}/_parameters/{ids.parameters_task_id()}"


def parallel_options(control: bool, size: Optional[int]) -> list[str]:
    """What @parallel's ``runtime_step_cli`` adds for the control task of ``size`` nodes."""
    if not control:
        return []
    return ["--ubf-context", "ubf_control", *([] if size is None else ["--num-parallel", str(size)])]


def _tags(launch: Launch) -> list[str]:
    return [part for tag in launch.tags for part in ("--tag", tag)]
