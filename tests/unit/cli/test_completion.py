"""The table of commands in the completion scripts."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from mftctl.cli.command_tree import commands
from mftctl.cli.completion import script

COMPLETE = """
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _mftctl; echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("mftctl run flow.py --production --isol", "--isolation"),
        ("mftctl trigger Flow --wait --run-id-f", "--run-id-file"),
        ("mftctl trigger run --wa", "--wait"),
        ("mftctl deploy flow.py --config-value a b --schedule-overlap = buf", "buffer-one"),
        ("mftctl schema deployments.di", "deployments.diff"),
    ],
)
def test_words_are_completed_in_bash(words: str, wanted: str) -> None:
    """A switch that can be negated takes no value, and an argument may be called like a command."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    program = script("bash", commands()) + COMPLETE.format(words=words)
    done = subprocess.run([bash, "--norc"], input=program, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [wanted]
