"""Whether an import has drawn random numbers that a new process would draw anew. Each case is a process of its own."""

import subprocess
import sys

import pytest

CODE = """
from mftctl.interpreter.inside.host.randomness import RandomState
state = RandomState()
state.watch()
{}
state.stop()
print(state.drawn())
"""


def test_what_the_flow_has_put_in_place_stays():
    """A generator that the flow has replaced is the one that its tasks have, seeded or not."""
    code = "import os, random; random.seed = lambda *a: 'mine'; os.urandom = lambda size: b'x' * size"
    code += "\nimport atexit; atexit.register(lambda: print(random.seed(1), os.urandom(2), random._urandom(1) != b'x'))"
    assert _printed(code) == "False\nmine b'xx' True\n"


@pytest.mark.parametrize(
    ("code", "drawn"),
    [
        ("import numpy", False),
        ("import numpy.random", False),
        ("import numpy; numpy.random.randint(10)", True),
        ("import numpy; numpy.random.rand()", True),
        ("import numpy; numpy.random.seed(1); numpy.random.rand()", False),
        ("import random; random.random()", True),
        ("import random; random.seed(1); random.random()", False),
    ],
)
def test_numbers_drawn_without_a_seed(code, drawn):
    """Only these keep tasks from being forks; that numpy is imported does not."""
    assert _printed(code) == f"{drawn}\n"


def _printed(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(code)], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout
