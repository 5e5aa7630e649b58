"""The processes of the Deployer: commands of the flow's command line make changes, queries read the server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

from metaflow.exception import TemporalDeployerError
from metaflow.metaflow_config import CLICK_API_PROCESS_CONFIG
from metaflow.runner import click_api
from metaflow.runner.utils import get_lower_level_group, handle_timeout, temporary_fifo, with_dir


class _PythonTypes(dict[Any, Any]):
    """Python's types by click's, to check keywords; a type that Metaflow's table lacks counts as its base."""

    def __missing__(self, kind: type) -> Any:
        return next((self[base] for base in kind.__mro__[1:] if base in self), Any)


if not isinstance(click_api.click_to_python_types, _PythonTypes):
    # Without it IntRange, FloatRange and a flow's own types raise KeyError.
    click_api.click_to_python_types = _PythonTypes(click_api.click_to_python_types)

#: Return codes of a process that Ctrl-C has stopped.
_INTERRUPTED = (130, -signal.SIGINT)


def run_command(deployer: Any, command: str, **options: Any) -> Any:
    """Run a command of `python flow.py temporal` and return its answer.

    Raises TemporalDeployerError if the command fails, KeyboardInterrupt if Ctrl-C has stopped it.
    """
    # Paths of Configs are relative to the Deployer's folder, as in DeployerImpl._create.
    folder = with_dir(deployer.cwd) if CLICK_API_PROCESS_CONFIG else nullcontext()
    with temporary_fifo() as (path, fifo), folder:
        group = get_lower_level_group(
            deployer.api, deployer.top_level_kwargs, deployer.TYPE, deployer.deployer_kwargs
        )
        # Metaflow passes lists as several values, and a tuple as one.
        lists = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
        words = getattr(group, command)(deployer_attribute_file=path, **lists)
        pid = deployer.spm.run_command(
            [sys.executable, *words],
            env=dict(deployer.env_vars),
            cwd=deployer.cwd,
            show_output=deployer.show_output,
        )
        process = deployer.spm.get(pid)
        try:
            content = handle_timeout(fifo, process, deployer.file_read_timeout)
        except RuntimeError as error:
            # Metaflow checks the return code before it reads the answer.
            content = _rest(fifo)
            if not content and process.process.returncode in _INTERRUPTED:
                raise KeyboardInterrupt from error
            if not content:  # an error of Metaflow itself, which has printed it
                raise TemporalDeployerError(str(error), code="flow.invalid") from error
        process.sync_wait()
    return _checked(json.loads(content))


def query(env: dict[str, str], connection: dict[str, Any], what: str, **arguments: Any) -> Any:
    """Read something from the server in a process of its own (``mftctl.metaflow_cli.deployer_queries``).

    Raises TemporalDeployerError if the query fails, KeyboardInterrupt if Ctrl-C has stopped it.
    """
    request = {**connection, **arguments, "query": what}
    done = subprocess.run(
        [sys.executable, "-m", "mftctl.metaflow_cli.deployer_queries"],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        env=env,
        text=True,
        check=False,
    )
    if done.returncode in _INTERRUPTED:
        raise KeyboardInterrupt
    if not done.stdout:
        raise TemporalDeployerError(
            f"mftctl failed in {sys.executable} with return code {done.returncode}",
            hint="install mftctl there",
        )
    return _checked(json.loads(done.stdout))["answer"]


def _rest(fifo: int) -> str:
    """The rest of the output of a process that has ended."""
    parts = []
    while part := os.read(fifo, 65536):
        parts.append(part)
    return b"".join(parts).decode()


def _checked(answer: Any) -> Any:
    """The answer; TemporalDeployerError if it is an error."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if error:
        raise TemporalDeployerError(error["message"], error["code"], error["exit_code"], error["hint"])
    return answer
