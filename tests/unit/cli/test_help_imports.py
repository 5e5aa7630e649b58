"""Commands load what they need when they run, so that `--help` is fast."""

from __future__ import annotations

import subprocess
import sys

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


def test_help_loads_no_temporalio() -> None:
    """`mftctl COMMAND --help` imports neither temporalio nor metaflow, for every command."""
    code = CHECK.format(words=[list(command.words) for command in commands()])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
