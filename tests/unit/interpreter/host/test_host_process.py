"""What a host does before it imports its flow."""

import os
import signal
from pathlib import Path

from supervising import launch

from mftctl.interpreter.inside import package_archive
from mftctl.interpreter.inside.host import host_process


def test_a_package_that_was_not_read_to_its_end_is_a_problem(tmp_path: Path, monkeypatch) -> None:
    """The process that fetches it may be killed: the flow is not run without its package."""
    monkeypatch.setattr(package_archive, "fetch", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    problem = host_process._fetch(launch(tmp_path), str(tmp_path / "package"))
    assert problem == "cannot read the code package url: the process that reads it ended with -9"
    monkeypatch.setattr(package_archive, "fetch", lambda *_: None)
    assert host_process._fetch(launch(tmp_path), str(tmp_path / "package")) is None
