"""Blocks around the call of a flow, which a forked task never leaves."""

from __future__ import annotations

import pytest

from mftctl.interpreter.inside.host import enclosing_blocks

NAMED = ["a `with` or `finally` around its call (train.py:2)"]
FILES = {
    "flow()": [],
    "\ntry:\n    flow()\nfinally:\n    pass": NAMED,
    "\ntry:\n    flow()\nexcept SystemExit:\n    pass": NAMED,
    "\ntry:\n    flow()\nexcept (OSError, BaseException):\n    pass": NAMED,
    "\ntry:\n    flow()\nexcept:\n    pass": NAMED,
    "\ntry:\n    flow()\nexcept ValueError:\n    pass": [],
    "import contextlib\nwith contextlib.suppress():\n    if True:\n        flow()": NAMED,
    "import contextlib\nwith contextlib.suppress():\n    pass\nflow()": [],
    "def main():\n    flow()\ntry:\n    pass\nfinally:\n    main()": [],
    "def main():\n    flow()\n\ntry:\n    main()\nfinally:\n    pass": [NAMED[0].replace(":2", ":4")],
    "try:\n    pass\nfinally:\n    flow()": [],
}


@pytest.mark.parametrize(("text", "expected"), FILES.items(), ids=range(len(FILES)))
def test_what_follows_the_flow_is_noticed(tmp_path, text, expected):
    """What is to be left after the flow's call, in the file and in functions that it calls, is named by its line."""
    found = []
    file = tmp_path / "train.py"
    file.write_text(text)
    code = compile(text, str(file), "exec")
    exec(code, {"flow": lambda: found.extend(enclosing_blocks.problems())})  # noqa: S102 - as the host executes a flow's file
    assert found == expected
