"""The reference, the man page and the examples are made of the commands, and leave nothing out."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import reference

from mftctl.cli import schema
from mftctl.cli.app import build
from mftctl.cli.command_tree import Command, commands
from mftctl.model.errors import Exit

ROOT = Path(__file__).resolve().parents[3]
TOLD = commands()


def test_the_pages_are_up_to_date() -> None:
    """What is committed is what the commands are now; `just reference` makes it so."""
    there = {
        file.name: file.read_text("utf-8") for file in (ROOT / "docs" / "reference" / "commands").iterdir()
    }
    assert there == reference.pages()


def test_every_exit_code_is_documented() -> None:
    """`mftctl help exit-codes` has a row of each."""
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text("utf-8")
    assert [code for code in Exit if f"\n| {code} |" not in page] == []


@pytest.mark.parametrize("command", TOLD, ids=lambda one: one.name)
def test_every_command_is_documented(command: Command) -> None:
    """What it does, each argument, each option; and at least one example that it would understand."""
    assert command.line.endswith(".")
    assert len(command.about) > 20
    assert [one.name for one in command.arguments if not one.help] == []
    assert [one.names for one in command.options if not one.help] == []
    assert command.examples
    for line, _ in command.examples:
        words = shlex.split(line.removeprefix("source <(").rstrip(")").split(" > ")[0])
        assert words[1 : 1 + len(command.words)] == list(command.words)
        build().parse_args(words[1:], exit_on_error=False, print_error=False)


def test_every_command_with_a_result_has_a_schema() -> None:
    """A command that has `-o` has a JSON schema, and no schema is of a command that is not there."""
    with_output = {
        ".".join(one.words) for one in TOLD if any("--format" in option.names for option in one.options)
    }
    assert set(schema.names()) - {"error", "event", "log"} == with_output


def test_every_command_that_asks_a_server_can_be_given_a_time() -> None:
    """`--timeout` is there, but where the work takes its own time or each part of it has one."""
    names = {one.name: {name for option in one.options for name in option.names} for one in TOLD}
    without = {
        name for name, options in names.items() if "--address" in options and "--timeout" not in options
    }
    assert {name.removeprefix("mftctl ") for name in without} == {
        "run",
        "worker",
        "doctor",
        "profile show",
        "profile check",
    }


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_the_manual_page_can_be_read() -> None:
    """`man` has nothing to complain of, and shows the options."""
    page = ROOT / "docs" / "reference" / "commands" / "mftctl.1"
    done = subprocess.run(
        ["man", "--warnings", "-l", page],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "MANWIDTH": "100",
            "MANPAGER": "cat",
            "TERM": "dumb",
        },
    )
    assert done.stderr == ""
    assert "--schedule-overlap" in done.stdout
