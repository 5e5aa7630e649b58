"""The command lines of a task, as Metaflow's native runtime builds them (``metaflow/runtime.py``, ``CLIArgs``)."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Optional

from ....model import ids
from ....model.codec import to_json
from ....model.manifest import Launch
from ....model.parameter import bare_of, words
from ....model.task import TaskInput
from ..task.decorated_command import COMMAND

#: Input paths up to this many go on the command line of a new process, more go through a file.
MAX_INLINE_INPUTS = 50


def top_options(launch: Launch, step: str = "") -> list[str]:
    """Options before the subcommand, of tasks of a step."""
    return [
        "--quiet",
        f"--metadata={launch.metadata}",
        "--environment",
        launch.environment,
        f"--datastore={launch.datastore}",
        f"--datastore-root={launch.datastore_root}",
        f"--event-logger={launch.event_logger}",
        f"--monitor={launch.monitor}",
        "--no-pylint",
        *launch.options,
        # A compensation handler is no step of the flow when it is compiled.
        *launch.step_options.get(step, _with(launch) if step and launch.step_options else ()),
    ]


def init_command(given: TaskInput) -> list[str]:
    """Stores the run's parameters as the task that feeds the first step."""
    launch = given.launch
    # As the process of `run` has them, which stores what the flow's graph looks like.
    options = [option for option in launch.options if not option.startswith("--with=")]
    launch = replace(launch, options=(*_with(launch), *options))
    values = [
        part
        for name, value in given.parameters.items()
        for part in words(name, value, launch.spellings.get(name, ""))
    ]
    run = ["--run-id", given.run_id, "--task-id", ids.parameters_task_id()]
    return [*top_options(launch), "init", *run, *_tags(launch), *values]


def init_variables(given: TaskInput) -> dict[str, str]:
    """Variables of ``init_command`` for values of flags that the bare option does not stand for."""
    flags = {name: bare_of(spelling) for name, spelling in given.launch.spellings.items()}
    return {
        "METAFLOW_INIT_" + name.replace("-", "_").upper(): value
        for name, value in given.parameters.items()
        if flags.get(name) is not None and value not in ("", flags[name])
    }


def _with(launch: Launch) -> tuple[str, ...]:
    return tuple(f"--with={spec}" for spec in launch.decorators)


def step_command(given: TaskInput, paths: list[str], folder: Optional[str], size: Optional[int]) -> list[str]:
    """Runs the attempt on input ``paths``; ``size`` is the number of nodes of @parallel.

    ``folder``: where many paths are written to, because a new process's command line is bounded.
    """
    launch, task = given.launch, given.task
    split = [] if task.split_index is None else ["--split-index", str(task.split_index)]
    namespace = [] if launch.namespace is None else ["--namespace", launch.namespace]
    # What @parallel's `runtime_step_cli` adds for the control task.
    nodes = [] if size is None else ["--num-parallel", str(size)]
    control = ["--ubf-context", "ubf_control", *nodes] if task.control else []
    return [
        *top_options(launch, task.ref.step),
        "step",
        task.ref.step,
        "--run-id",
        given.run_id,
        "--task-id",
        task.ref.task_id,
        *_inputs(paths, folder),
        *split,
        *_retry_count(given),
        "--max-user-code-retries",
        str(given.user_retries),
        *_tags(launch),
        *namespace,
        *control,
        *_origin(given),
    ]


def clone_command(given: TaskInput, task_id: str, origin: str) -> list[str]:
    """Copies the result of the task at path ``origin`` of another run, as Metaflow's own `resume` does."""
    task = ["--run-id", given.run_id, "--task-id", task_id, *_retry_count(given)]
    return [
        *top_options(given.launch, given.task.ref.step),
        "step",
        given.task.ref.step,
        *task,
        *_tags(given.launch),
        *_origin(given),
        "--clone-only",
        origin,
    ]


def decorated_command(given: TaskInput, paths: list[str], folder: str) -> list[str]:
    """Lets the step's decorators make the command that runs the attempt (``task/decorated_command.py``)."""
    request = to_json({"task": given.to_plain(), "input_paths": paths})
    return [*top_options(given.launch, given.task.ref.step), COMMAND, _write(folder, "request.json", request)]


def parameters_path(given: TaskInput) -> str:
    """Input path of a run's first task."""
    return f"{given.run_id}/_parameters/{ids.parameters_task_id()}"


def _origin(given: TaskInput) -> list[str]:
    return [] if given.origin is None else ["--clone-run-id", given.origin]


def _retry_count(given: TaskInput) -> list[str]:
    """The number of the attempt, which Metaflow counts from 0, as ``given`` does."""
    number = str(
        given.attempt
    )  # apart: metaflow-orchestrator-kit takes it for Temporal's, which begins with 1
    return ["--retry-count", number]


def _inputs(paths: list[str], folder: Optional[str]) -> list[str]:
    if folder is None or len(paths) <= MAX_INLINE_INPUTS:
        return ["--input-paths", ",".join(paths)]
    return ["--input-paths-filename", _write(folder, "input-paths", ",".join(paths))]


def _write(folder: str, name: str, content: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    return path


def _tags(launch: Launch) -> list[str]:
    return [part for tag in launch.tags for part in ("--tag", tag)]
