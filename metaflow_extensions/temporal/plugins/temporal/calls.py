"""How the Deployer reaches mftctl: the flow's command line changes things, a look at the server tells of them."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

from metaflow.exception import MetaflowException
from metaflow.metaflow_config import CLICK_API_PROCESS_CONFIG
from metaflow.runner.utils import get_lower_level_group, handle_timeout, temporary_fifo, with_dir


class TemporalDeployerError(MetaflowException, RuntimeError):
    """What mftctl refused or could not do.

    ``code`` is a stable name such as ``deployment.unknown``, ``exit_code`` the one of the command line, ``hint`` what
    to do next.
    """

    headline = "Temporal deployment failed"

    def __init__(self, message: str, code: str = "failed", exit_code: int = 1, hint: str = "") -> None:
        super().__init__(f"{message}. {hint}" if hint else message)
        self.code = code
        self.exit_code = exit_code
        self.hint = hint


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
        except RuntimeError as error:  # Metaflow itself refused it, and said why
            raise TemporalDeployerError(str(error), code="flow.invalid") from error
        process.sync_wait()
    answer = json.loads(content)
    return _checked(answer, answer)


def ask(env: dict[str, str], connection: dict[str, Any], what: str, **about: Any) -> Any:
    """Look at the server, from a process of its own."""
    request = {**connection, **about, "ask": what}
    done = subprocess.run(
        [sys.executable, "-m", "mftctl.cli.bridge"],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        env=env,
        text=True,
        check=False,
    )
    if not done.stdout:
        raise TemporalDeployerError(f"mftctl in {sys.executable} ended with code {done.returncode}")
    answer = json.loads(done.stdout)
    return _checked(answer, answer.get("answer"))


def _checked(answer: Any, value: Any) -> Any:
    error = answer.get("error") if isinstance(answer, dict) else None
    if error:
        raise TemporalDeployerError(error["message"], error["code"], error["exit_code"], error["hint"])
    return value
