"""Starts a task the way its decorators want it: `FLOW … temporal-launch REQUEST` becomes the command they make of it.

@environment adds variables, @conda another interpreter, @kubernetes, @batch and third-party backends a command of their
own. As in the native runtime (``metaflow/runtime.py``, ``Worker._launch``) each may change the command line of the step
before its process starts; here that process is the one that has asked them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, NoReturn

from ....model.codec import from_json
from .. import BOOT
from . import decorator_hooks, step_environment

COMMAND = "temporal-launch"


def register(command_line: Any) -> None:
    """Add the command to ``metaflow.cli``, whose groups are shared by the whole process."""
    from metaflow._vendor import click

    @command_line.cli.command(COMMAND, hidden=True)
    @click.argument("request")
    @click.pass_obj
    def launch(state: Any, request: str) -> None:
        with open(request, encoding="utf-8") as file:
            _replace_process(state, from_json(file.read()))


def request_of(
    attempt: Any, paths: list[str], tags: list[str], namespace: str, sha: str, url: str
) -> dict[str, Any]:
    """What ``temporal-launch`` needs to know of an attempt (tasks.Attempt), as JSON values."""
    ref = attempt.task.ref
    return {
        "step": ref.step,
        "run_id": attempt.run_id,
        "task_id": ref.task_id,
        "input_paths": paths,
        "split_index": attempt.task.split_index,
        "control": attempt.task.control,
        "retry_count": attempt.number,
        "user_retries": attempt.user_retries,
        "origin": attempt.origin,
        "tags": tags,
        "namespace": namespace,
        "sha": sha,
        "url": url,
    }


def _replace_process(state: Any, request: dict[str, Any]) -> None:
    from metaflow import namespace
    from metaflow.runtime import CLIArgs
    from metaflow.unbounded_foreach import UBF_CONTROL

    if request["namespace"]:
        namespace(request["namespace"])
    step = getattr(state.flow, request["step"])
    decorators = step.decorators
    context = UBF_CONTROL if request["control"] else None
    if not decorator_hooks.may_run_elsewhere(decorators):
        step_environment.make(state.environment, step, state.echo_always)
    arguments = CLIArgs(_task(state, request, decorators, context))
    if request["origin"]:
        arguments.command_options["clone-run-id"] = request["origin"]
    _ask(state, request, decorators, arguments, context)
    config = [option for option in sys.argv if option.startswith("--local-config-file=")]
    if config:
        arguments.top_level_options["local-config-file"] = config[0].split("=", 1)[1]
    command = arguments.get_args()
    if command[:2] == state.entrypoint:
        mode = "plain" if arguments.commands == ["step"] else "backend"
        command = [command[0], "-u", BOOT, mode, *command[1:]]
    environment = {**os.environ, **arguments.get_env()}
    sys.stdout.flush()
    sys.stderr.flush()
    if decorator_hooks.has(decorators, "runtime_finished"):
        _wait_for(command, environment, request["step"], decorators)
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - this process becomes the task
    except OSError as error:
        _refuse(command[0], error)


def _wait_for(command: list[str], environment: dict[str, str], step: str, decorators: list[Any]) -> None:
    """Stay until the task has ended, because a decorator cleans up after it; then end as it did.

    It is in this process's group, so what asks this one to stop asks it as well.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        code = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        _refuse(command[0], error)
    failure = RuntimeError(f"the task ended with {code}") if code else None
    decorator_hooks.call(decorators, "runtime_finished", step, (failure,), (failure,))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _refuse(executable: str, error: OSError) -> NoReturn:
    from metaflow.exception import MetaflowException

    raise MetaflowException(f"the interpreter {executable} of the step does not start: {error.strerror}")


def _task(state: Any, request: dict[str, Any], decorators: list[Any], context: Any) -> Any:
    """What ``CLIArgs`` reads of the native runtime's Task."""
    return SimpleNamespace(
        flow=state.flow,
        step=request["step"],
        decos=decorators,
        entrypoint=state.entrypoint,
        metadata_type=state.metadata.TYPE,
        environment_type=state.environment.TYPE,
        datastore_type=state.flow_datastore.TYPE,
        datastore_sysroot=state.flow_datastore.datastore_root,
        event_logger_type=state.event_logger.TYPE,
        monitor_type=state.monitor.TYPE,
        run_id=request["run_id"],
        task_id=request["task_id"],
        input_paths=request["input_paths"],
        split_index=request["split_index"],
        retries=request["retry_count"],
        user_code_retries=request["user_retries"],
        tags=request["tags"],
        ubf_context=context,
        ubf_iter=_unbounded_iterator(state, request) if context else None,
    )


def _unbounded_iterator(state: Any, request: dict[str, Any]) -> Any:
    parent = state.flow_datastore.get_task_datastore(*request["input_paths"][0].split("/"))
    return parent[parent["_foreach_var"]]


def _ask(state: Any, request: dict[str, Any], decorators: list[Any], arguments: Any, context: Any) -> None:
    """Let the decorators see the package and the task, and make of the command what they want."""
    from .stored_package import StoredPackage

    step, number, paths = request["step"], request["retry_count"], request["input_paths"]
    metadata = os.environ.get("METAFLOW_CODE_METADATA", "")
    package = StoredPackage(state.flow_datastore, request["sha"], request["url"], metadata)
    datastore = state.flow_datastore.get_task_datastore(
        request["run_id"], step, request["task_id"], attempt=number, mode="w"
    )
    of_task = {"task_id": request["task_id"], "split_index": request["split_index"], "input_paths": paths}
    decorator_hooks.tell(package=package, run_id=request["run_id"])
    given: tuple[Any, ...] = (state.flow, state.graph, package, request["run_id"])
    decorator_hooks.call(decorators, "runtime_init", step, given, ())
    decorator_hooks.tell(**of_task, is_cloned=False, ubf_context=context, task_datastore=datastore)
    given = (datastore, *of_task.values(), False, context)
    decorator_hooks.call(decorators, "runtime_task_created", step, given, ())
    decorator_hooks.tell(retry_count=number, max_user_code_retries=request["user_retries"])
    given = (arguments, number, request["user_retries"], context)
    decorator_hooks.call(decorators, "runtime_step_cli", step, given, (arguments,))
