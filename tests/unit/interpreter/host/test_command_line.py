"""Whether an import reads its command line: only what the flow's own code reads counts."""

import sys

import pytest

from mftctl.interpreter.inside.host.command_line import CommandLine

READS = [
    "TASK = 'step' in sys.argv",
    "sys.argv[1:]",
    "len(sys.argv)",
    "for word in sys.argv: pass",
    "list(sys.argv)",
]


@pytest.mark.parametrize("code", READS)
def test_a_look_at_what_follows_the_file_is_noticed(code, monkeypatch):
    """Whatever way the flow's own code takes, the line is named."""
    assert watched(code, monkeypatch) == ["the command line read at train.py:2"]


@pytest.mark.parametrize("code", ["sys.argv[0]", "import argparse; argparse.ArgumentParser().parse_args()"])
def test_the_files_name_and_what_libraries_read_are_none(code, monkeypatch):
    """The name is the same for all tasks, and what a parser looks for would not be there."""
    assert watched(code, monkeypatch) == []


def test_nothing_is_left_of_the_watch(monkeypatch):
    """Afterwards it is a plain list, with what the flow has made of it, or the flow's own."""
    watched("sys.argv.append('x')", monkeypatch)
    assert (type(sys.argv), sys.argv) == (list, ["train.py", "x"])
    watched("sys.argv = own = ['mine']", monkeypatch)
    assert sys.argv == ["mine"]


def watched(code, monkeypatch):
    """What is noticed of ``code`` that stands in train.py."""
    monkeypatch.setattr(sys, "argv", [])
    line = CommandLine()
    line.watch("train.py")
    exec(compile(f"import sys\n{code}", "/flows/train.py", "exec"), {})  # noqa: S102 - it is the test's own
    line.stop()
    return line.problems()
