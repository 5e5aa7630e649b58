"""Signal handlers that a flow's import sets: those of its tasks, and not of the host that forks them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, signal, sys
from mftctl.interpreter.inside.host.signal_handlers import SignalHandlers
handlers = SignalHandlers()
{code}
handlers.stop()
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
signal.signal(signal.SIGCHLD, lambda *_: None)  # as a supervisor's
signal.signal(signal.SIGTERM, lambda *_: os._exit(4))
if os.fork() == 0:
    handlers.set_child()
    {task}
    os._exit(0)
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
TASKS = {
    "nothing": ("", "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL"),
    "nothing for children": ("", "assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL"),
    "nothing for Ctrl-C": ("", "assert signal.getsignal(signal.SIGINT) == signal.default_int_handler"),
    "a handler": (
        "signal.signal(signal.SIGTERM, lambda *_: os._exit(0))",
        "os.kill(os.getpid(), 15); os._exit(1)",
    ),
    "ignoring": ("signal.signal(signal.SIGINT, signal.SIG_IGN)", "os.kill(os.getpid(), 2)"),
    "the default": ("signal.signal(2, signal.SIG_DFL)", "assert signal.getsignal(2) == signal.SIG_DFL"),
    "for children": (
        "signal.signal(signal.SIGCHLD, print)",
        "assert signal.getsignal(signal.SIGCHLD) is print",
    ),
    "for an alarm": (
        "signal.signal(signal.SIGALRM, print)",
        "assert signal.getsignal(signal.SIGALRM) is print",
    ),
    "a mask": (
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})",
        "assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == {signal.SIGCHLD}",
    ),
}


@pytest.mark.parametrize(("code", "task"), TASKS.values(), ids=TASKS)
def test_a_task_has_the_handlers_of_the_import_and_the_host_its_own(code, task):
    """What the import sets is set in its tasks; what it leaves is Python's own there, whatever a supervisor has."""
    env = {"PYTHONPATH": str(Path(__file__).parents[4]), "PATH": ""}
    script = SCRIPT.replace("{code}", code).replace("{task}", task)
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, timeout=60, check=False, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
