"""Arguments that cannot work are refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mftctl.__main__ import run
from mftctl.model.errors import Exit


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["dev", "--port", "70000"], "--port: 70000 is not a port"),
        (["dev", "--ui-port", "-1"], "--ui-port: -1 is not a port"),
        (["worker", "--all", "--metrics", "9464"], "--metrics: '9464' is not HOST:PORT or :PORT"),
        (["profile", "set", " ", "address=a:1"], "the name of the profile is empty"),
        (["runs", "logs", "@latest", "--attempt", "-1"], "--attempt: -1 is negative"),
        (["deploy", "flow.py", "--output", "missing/worker.py"], "--output missing/worker.py: No such file"),
    ],
)
def test_the_command_is_refused(
    argv: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, and the error names the argument; no server is asked, and no file is written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MFTCTL_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "flow.py").write_text("")
    assert run(argv) == Exit.USAGE
    assert message in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["flow.py"]
