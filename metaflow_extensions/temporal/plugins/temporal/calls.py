"""How the Deployer reaches mftctl: the flow's command line changes things, a look at the server tells of them."""

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
    """What the Deployer checks keywords against, by click's types: one that Metaflow's table lacks as its base."""

    def __missing__(self, kind: type) -> Any:
        return next((self[base] for base in kind.__mro__[1:] if base in self), Any)


if not isinstance(click_api.click_to_python_types, _PythonTypes):
    # IntRange and FloatRange, and types of the flow's own, would be a KeyError.
    click_api.click_to_python_types = _PythonTypes(click_api.click_to_python_types)

#: How a process ends that Ctrl-C has stopped.
_INTERRUPTED = (130, -signal.SIGINT)


def call(deployer: Any, command: str, **options: Any) -> Any:
    """Run a command of `python flow.py temporal` and give what it answers."""
    # Configs are files relative to the folder that the user wants to be in, as in DeployerImpl._create.
    place = with_dir(deployer.cwd) if CLICK_API_PROCESS_CONFIG else nullcontext()
    with temporary_fifo() as (path, fifo), place:
        group = get_lower_level_group(
            deployer.api, deployer.top_level_kwargs, deployer.TYPE, deployer.deployer_kwargs
        )
        # Metaflow would make one word of a tuple.
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
        words = getattr(group, command)(deployer_attribute_file=path, **plain)
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
            # Metaflow looks first whether the process has failed, and only then what it has answered.
            content = _rest(fifo)
            if not content and process.process.returncode in _INTERRUPTED:
                raise KeyboardInterrupt from error
            if not content:  # Metaflow itself refused it, and said why
                raise TemporalDeployerError(str(error), code="flow.invalid") from error
        process.sync_wait()
    answer = json.loads(content)
    return _checked(answer, answer)


def ask(env: dict[str, str], connection: dict[str, Any], what: str, **about: Any) -> Any:
    """Look at the server, from a process of its own."""
    request = {**connection, **about, "ask": what}
    done = subprocess.run(
        [sys.executable, "-m", "mftctl.metaflow_cli.deployer_bridge"],
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
            f"mftctl in {sys.executable} ended with code {done.returncode}", hint="is it installed there?"
        )
    answer = json.loads(done.stdout)
    return _checked(answer, answer.get("answer"))


def _rest(fifo: int) -> str:
    """What is left in the pipe of a process that has ended."""
    parts = []
    while part := os.read(fifo, 65536):
        parts.append(part)
    return b"".join(parts).decode()


def _checked(answer: Any, value: Any) -> Any:
    error = answer.get("error") if isinstance(answer, dict) else None
    if error:
        raise TemporalDeployerError(error["message"], error["code"], error["exit_code"], error["hint"])
    return value
