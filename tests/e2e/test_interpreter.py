"""The flow's interpreter: its own packages win over those that the zipapp brings along."""

import sys

import pytest

# Tests that build dist/mftctl share one process.
pytestmark = pytest.mark.xdist_group("zipapp")

FLOW = """
import metaflow
from metaflow import FlowSpec, step

class Whose(FlowSpec):
    @step
    def start(self):
        print("metaflow of", metaflow.__file__)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Whose()
"""


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_the_users_metaflow_wins(home, zipapp, isolation):
    """Where the interpreter has metaflow, and even mftctl, a task uses it and not the bundle's."""
    home.flow("whose.py", FLOW)
    done = home.command(sys.executable, str(zipapp), "run", "whose.py", MFTCTL_ISOLATION=isolation)
    assert done.returncode == 0, done.stderr
    assert f"metaflow of {sys.prefix}" in done.stdout
