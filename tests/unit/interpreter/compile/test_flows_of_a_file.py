"""A file may have several flows, and starts one."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
from metaflow import FlowSpec

from mftctl.interpreter.inside.compile.load import CompileError, _check_one_flow

MAIN = 'if __name__ == "__main__":\n'


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (f"{MAIN}    A()\n", False),
        (f"{MAIN}    A()\n    B()\n", True),
        ("A()\nB()\n", True),
        (f"A()\n{MAIN}    B()\n", True),
        (f"{MAIN}    if variant:\n        A()\n    else:\n        B()\n", False),
        (f"{MAIN}    try:\n        A()\n    except KeyError:\n        B()\n", False),
        (f"def test():\n    B()\n{MAIN}    A()\n", False),
    ],
)
def test_several_flows_one_after_the_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, refused: bool
) -> None:
    """Only the first would run; of those under a condition one does, as with `python flow.py run`."""
    main = types.ModuleType("__main__")
    for name in "AB":
        setattr(main, name, type(name, (FlowSpec,), {}))
    monkeypatch.setitem(sys.modules, "__main__", main)
    file = tmp_path / "flow.py"
    file.write_text(text)
    if refused:
        with pytest.raises(CompileError, match=r"flow\.py starts several flows \(A, B\)"):
            _check_one_flow("flow.py", str(file))
    else:
        _check_one_flow("flow.py", str(file))
