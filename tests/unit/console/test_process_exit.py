"""How a command's process ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: What only interpreter shutdown does: it drops what modules hold, and waits for threads.
WATCHED = """
import atexit, sys, threading, time
class Last:
    def __del__(self):
        print("shutdown")
last = Last()
atexit.register(print, "exit handler")
threading.Thread(target=time.sleep, args=(600,)).start()
"""


@pytest.mark.parametrize(
    ("code", "told", "exit_code"),
    [
        ("from mftctl.console.process_exit import leave; print('done'); leave(3)", "done", 3),
        ("sys.argv[1:] = ['help', 'exit-codes']; from mftctl.__main__ import main; main()", "# ", 0),
        ("sys.argv[1:] = ['bogus']; from mftctl.__main__ import main; main()", "", 2),
    ],
)
def test_a_process_ends_without_interpreter_shutdown(code: str, told: str, exit_code: int) -> None:
    """Whatever its threads are doing: one that used Temporal's SDK can crash in shutdown. All output is written."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED + code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == exit_code
    assert done.stdout.startswith(told)
    assert done.stdout.endswith("exit handler\n")
