"""The script that starts the flow's interpreter."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from mftctl.interpreter.compilation import compile_flow
from mftctl.interpreter.inspection import examine
from mftctl.model.errors import MftctlError
from mftctl.model.options import Options

OLD = """#!{python}
import runpy, sys
sys.version_info = (3, 8, 18)
while not sys.argv[0].endswith("boot.py"):
    del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def old(tmp_path: Path) -> str:
    """An interpreter that says that it is Python 3.8."""
    python = tmp_path / "python3.8"
    python.write_text(OLD.format(python=sys.executable))
    python.chmod(0o755)
    return str(python)


def test_an_interpreter_that_is_too_old_is_refused(
    old: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In one line, without a traceback, wherever it is named."""
    flow = tmp_path / "flow.py"
    flow.touch()
    with pytest.raises(MftctlError) as caught:
        asyncio.run(compile_flow(flow, Options(), old, tmp_path))
    assert caught.value.message == (
        f"cannot compile: the flow's interpreter {old} is older than Python 3.9, the oldest that mftctl supports"
    )
    assert capfd.readouterr().err == ""
    assert examine(old, None, None, None)["interpreter"]["error"].startswith("it is older than Python 3.9")
