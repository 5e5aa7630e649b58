"""Commands load what they need when they run, so that `--help` is fast."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mftctl.cli.command_tree import commands

CHECK = """
import sys
from mftctl.cli.app import call
for words in {words!r}:
    call([*words, "--help"])
    loaded = {{"temporalio", "rich.live", "metaflow"}} & sys.modules.keys()
    if loaded:
        sys.exit(f"{{' '.join(words)}} --help loads {{', '.join(loaded)}}")
"""


#: Modules, and what they must not load before they are used.
LIGHT = {
    "operations.runs.run_flow": "temporalio",  # its import runs beside the compiler
    "operations.profile_operations": "temporalio",
    "cli.app": "mftctl.results",
    "cli.runs_commands": "asyncio",
    "cli.run_command": "asyncio",
    "cli.completion": "mftctl.results.run_results",
}


@pytest.mark.parametrize("module", LIGHT)
def test_modules_load_what_they_need_alone(module: str) -> None:
    """`run` starts its compiler before it loads temporalio; help needs no asyncio, and completion no results."""
    code = f"import sys, mftctl.{module}; sys.exit({LIGHT[module]!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_loads_no_temporalio() -> None:
    """`mftctl COMMAND --help` imports neither temporalio nor metaflow, for every command."""
    code = CHECK.format(words=[list(command.words) for command in commands()])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
