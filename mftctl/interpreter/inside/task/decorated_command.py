"""Starts a task with the command that its decorators make: `FLOW … temporal-step REQUEST` is replaced by it.

@environment adds variables, @conda sets another interpreter, @kubernetes, @batch and third-party backends set a command
of their own. In the native runtime (``metaflow/runtime.py``, ``Worker._launch``) they change the command before the
process of the task starts; here a process calls their hooks, and then becomes the task.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from metaflow import namespace
from metaflow._vendor import click
from metaflow.exception import MetaflowException
from metaflow.runtime import CLIArgs
from metaflow.unbounded_foreach import UBF_CONTROL

from ....model.codec import from_json
from .. import BOOT
from . import decorator_hooks, step_environment
from .stored_package import StoredPackage

if TYPE_CHECKING:
    from ....model.task import TaskInput

COMMAND = "temporal-step"


def register(command_line: Any) -> None:
    """Add the command to ``metaflow.cli``, whose groups the whole process shares."""

    @command_line.cli.command(COMMAND, hidden=True)
    @click.argument("request")
    @click.pass_obj
    def temporal_step(state: Any, request: str) -> None:
        with open(request, encoding="utf-8") as file:
            given = from_json(file.read())
        # 12 ms of each task that is a new process, of which few need it.
        from ....model.task import TaskInput

        _replace_process(state, TaskInput.from_plain(given["task"]), given["input_paths"])


def _replace_process(state: Any, given: TaskInput, paths: list[str]) -> None:
    if given.launch.namespace is not None:
        namespace(given.launch.namespace or None)
    step = getattr(state.flow, given.task.ref.step)
    decorators = step.decorators
    context = UBF_CONTROL if given.task.control else None
    if not decorator_hooks.may_run_elsewhere(decorators):
        step_environment.make(state.environment, step, state.echo_always)
    arguments = CLIArgs(_task(state, given, paths, decorators, context))
    if given.origin:
        arguments.command_options["clone-run-id"] = given.origin
    _call_hooks(state, given, paths, decorators, arguments, context)
    config = [option for option in sys.argv if option.startswith("--local-config-file=")]
    if config:
        arguments.top_level_options["local-config-file"] = config[0].split("=", 1)[1]
    command = arguments.get_args()
    # @conda sets another interpreter; a decorator may set a command that is none.
    is_python = command[:1] == state.entrypoint[:1] or os.path.basename(command[0]).startswith("python")
    if is_python and command[1:2] == state.entrypoint[1:]:
        mode = "flow" if arguments.commands == ["step"] else "backend"
        command = [command[0], "-u", BOOT, mode, *command[1:]]
    environment = {**os.environ, **arguments.get_env()}
    sys.stdout.flush()
    sys.stderr.flush()
    if decorator_hooks.has(decorators, "runtime_finished"):
        _wait_for(command, environment, given.task.ref.step, decorators)
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - this process becomes the task
    except OSError as error:
        _fail(command[0], error)


def _wait_for(command: list[str], environment: dict[str, str], step: str, decorators: list[Any]) -> None:
    """Run the command, call decorators that clean up after it, and end as it did.

    It is in this process's group, so signals that stop this process stop it too.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        code = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        _fail(command[0], error)
    failure = RuntimeError(f"the task ended with {code}") if code else None
    decorator_hooks.call(decorators, "runtime_finished", step, (failure,), (failure,))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _fail(executable: str, error: OSError) -> NoReturn:
    raise MetaflowException(f"the step's interpreter {executable} does not start: {error.strerror}")


def _task(state: Any, given: TaskInput, paths: list[str], decorators: list[Any], context: Any) -> Any:
    """The fields of the native runtime's Task that ``CLIArgs`` reads."""
    return SimpleNamespace(
        flow=state.flow,
        step=given.task.ref.step,
        decos=decorators,
        entrypoint=state.entrypoint,
        metadata_type=state.metadata.TYPE,
        environment_type=state.environment.TYPE,
        datastore_type=state.flow_datastore.TYPE,
        datastore_sysroot=state.flow_datastore.datastore_root,
        event_logger_type=state.event_logger.TYPE,
        monitor_type=state.monitor.TYPE,
        run_id=given.run_id,
        task_id=given.task.ref.task_id,
        input_paths=paths,
        split_index=given.task.split_index,
        retries=given.attempt,
        user_code_retries=given.user_retries,
        tags=list(given.launch.tags),
        ubf_context=context,
        ubf_iter=_unbounded_iterator(state, paths) if context else None,
    )


def _unbounded_iterator(state: Any, paths: list[str]) -> Any:
    parent = state.flow_datastore.get_task_datastore(*paths[0].split("/"))
    return parent[parent["_foreach_var"]]


def _call_hooks(
    state: Any, given: TaskInput, paths: list[str], decorators: list[Any], arguments: Any, context: Any
) -> None:
    """Call the hooks of the decorators, which may change the command (``arguments``)."""
    task, run_id, number = given.task, given.run_id, given.attempt
    step, code = task.ref.step, given.launch.package
    metadata = os.environ.get("METAFLOW_CODE_METADATA", "")
    package = StoredPackage(state.flow_datastore, code.sha, code.url, metadata)
    datastore = state.flow_datastore.get_task_datastore(
        run_id, step, task.ref.task_id, attempt=number, mode="w"
    )
    of_task = {"task_id": task.ref.task_id, "split_index": task.split_index, "input_paths": paths}
    decorator_hooks.set_context(package=package, run_id=run_id)
    values: tuple[Any, ...] = (state.flow, state.graph, package, run_id)
    decorator_hooks.call(decorators, "runtime_init", step, values, ())
    decorator_hooks.set_context(**of_task, is_cloned=False, ubf_context=context, task_datastore=datastore)
    values = (datastore, *of_task.values(), False, context)
    decorator_hooks.call(decorators, "runtime_task_created", step, values, ())
    decorator_hooks.set_context(retry_count=number, max_user_code_retries=given.user_retries)
    values = (arguments, number, given.user_retries, context)
    decorator_hooks.call(decorators, "runtime_step_cli", step, values, (arguments,))
