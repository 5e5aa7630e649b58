"""What an inspection finds of an interpreter that is none, ends, or does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from mftctl.interpreter import inspection


def found(tmp_path: Path, script: str) -> str:
    """The error of the interpreter, where it is this shell script."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    parts = inspection.examine(str(python), None, None, None)
    assert parts.keys() == {"interpreter"}
    return str(parts["interpreter"]["error"])


def test_an_interpreter_that_ends(tmp_path):
    """The error has the exit code and the last line that it printed."""
    assert found(tmp_path, "echo first; echo last; exit 3") == "it ended with code 3: last"


def test_an_interpreter_that_does_not_answer_is_killed(tmp_path, monkeypatch):
    """It has its time, and no process of it is left."""
    monkeypatch.setattr(inspection, "TIMEOUT", 0.3)
    assert found(tmp_path, f"echo $$ >{tmp_path}/pid; exec sleep 600") == "no answer in 0.3 s"
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


@pytest.mark.parametrize("python", ["/nowhere/python", "/dev/null"])
def test_what_is_no_interpreter(python):
    """The error says which, and why it does not start."""
    parts = inspection.examine(python, None, None, None)
    assert python in parts["interpreter"]["error"]
