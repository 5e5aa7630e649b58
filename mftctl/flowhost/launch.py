"""Starts a task the way its decorators want it: `FLOW … temporal-launch REQUEST` becomes the command they make of it.

@environment adds variables, @conda another interpreter, @kubernetes, @batch and third-party backends a command of their
own. As in the native runtime (``metaflow/runtime.py``, ``Worker._launch``) each may change the command line of the step
before its process starts; here that process is the one that has asked them.
"""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace
from typing import Any

COMMAND = "temporal-launch"
_BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot.py")


def register(command_line: Any) -> None:
    """Add the command to ``metaflow.cli``, whose groups are shared by the whole process."""
    from metaflow._vendor import click

    @command_line.cli.command(COMMAND, hidden=True)
    @click.argument("request")
    @click.pass_obj
    def launch(state: Any, request: str) -> None:
        with open(request, encoding="utf-8") as file:
            _replace_process(state, json.load(file))


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
    step = request["step"]
    decorators = getattr(state.flow, step).decorators
    context = UBF_CONTROL if request["control"] else None
    arguments = CLIArgs(_task(state, request, decorators, context))
    if request["origin"]:
        arguments.command_options["clone-run-id"] = request["origin"]
    _ask(state, request, decorators, arguments, context)
    config = [option for option in sys.argv if option.startswith("--local-config-file=")]
    if config:
        arguments.top_level_options["local-config-file"] = config[0].split("=", 1)[1]
    command = arguments.get_args()
    if command[:2] == state.entrypoint:
        command = [command[0], "-u", _BOOT, "plain", *command[1:]]
    environment = {**os.environ, **arguments.get_env()}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(command[0], command, environment)  # noqa: S606 - this process becomes the task


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
    package = _StoredPackage(state.flow_datastore, request["sha"], request["url"])
    datastore = state.flow_datastore.get_task_datastore(
        request["run_id"], request["step"], request["task_id"], attempt=request["retry_count"], mode="w"
    )
    for decorator in decorators:
        decorator.runtime_init(state.flow, state.graph, package, request["run_id"])
    for decorator in decorators:
        decorator.runtime_task_created(
            datastore, request["task_id"], request["split_index"], request["input_paths"], False, context
        )
    for decorator in decorators:
        decorator.runtime_step_cli(arguments, request["retry_count"], request["user_retries"], context)


class _StoredPackage:
    """The code package as decorators know it, which is in the datastore already."""

    def __init__(self, datastore: Any, sha: str, url: str) -> None:
        self._datastore = datastore
        self._sha = sha
        self._url = url
        self.package_metadata = os.environ.get("METAFLOW_CODE_METADATA", "")

    @property
    def blob(self) -> bytes:
        """The archive."""
        blob: bytes = next(blob for _, blob in self._datastore.load_data([self._sha]))
        return blob

    def blob_with_timeout(self, timeout: Any = None) -> bytes:  # noqa: ARG002 - Metaflow's signature
        """The archive."""
        return self.blob

    def package_sha(self, timeout: Any = None) -> str:  # noqa: ARG002 - Metaflow's signature
        """Its key in the datastore."""
        return self._sha

    def package_url(self, timeout: Any = None) -> str:  # noqa: ARG002 - Metaflow's signature
        """Where it is."""
        return self._url
