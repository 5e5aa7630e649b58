"""Stacks that a task records are those of `python flow.py run`: frames of ours are left out."""

import subprocess
import sys

from mftctl.interpreter.inside import BOOT

STACKS = """
import inspect, logging, signal, sys, time, traceback

logging.basicConfig(stream=sys.stdout)

def fit(*_):
    traceback.print_stack(file=sys.stdout)
    print("".join(traceback.format_stack()))
    print("".join(traceback.format_stack(sys._getframe(), 1)))
    print([frame.name for frame in traceback.extract_stack()])
    print([frame.function for frame in inspect.stack()])
    logging.warning("here", stack_info=True)

fit()
signal.signal(signal.SIGALRM, fit)
signal.setitimer(signal.ITIMER_REAL, 0.01)
signal.pause()
"""
UNCAUGHT = """
def fit():
    try:
        1 / 0
    except ArithmeticError as error:
        raise ValueError("bad shape") from error

fit()
"""


def test_a_stack_begins_with_the_flows_file(tmp_path):
    """What is printed of a stack is what `python FILE` prints, to the letter."""
    expected, found = both(tmp_path, STACKS)
    assert expected.stdout.count("train.py") > 10
    assert found.stdout == expected.stdout


def test_an_exception_of_the_import_begins_there_too(tmp_path):
    """The traceback is that of `python FILE`."""
    expected, found = both(tmp_path, UNCAUGHT)
    assert "ValueError: bad shape" in expected.stderr
    assert found.stderr == expected.stderr


def both(folder, code):
    """The code as a file of its own, and as a task's process executes it."""
    file = folder / "train.py"
    file.write_text(code)
    return [
        subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        for command in ([sys.executable, str(file)], [sys.executable, BOOT, "flow", str(file)])
    ]
