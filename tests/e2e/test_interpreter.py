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
def test_the_users_metaflow_wins(served, zipapp, unpacked, isolation):
    """Where the interpreter has metaflow, and even mftctl, a task uses it and not the bundle's."""
    served.flow("whose.py", FLOW)
    env = {"MFTCTL_ISOLATION": isolation, "XDG_CACHE_HOME": str(unpacked)}
    done = served.command(sys.executable, str(zipapp), "run", "whose.py", **env)
    assert done.returncode == 0, done.stderr
    assert f"metaflow of {sys.prefix}" in done.stdout
