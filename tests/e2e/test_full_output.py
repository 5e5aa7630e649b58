"""What becomes of a worker's own output is nothing to the tasks that it runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

FLOW = """
import sys
from metaflow import FlowSpec, step
print("imported")
print("imported", file=sys.stderr)

class Unheard(FlowSpec):
    @step
    def start(self):
        print("hello")
        self.next(self.end)

    @step
    def end(self):
        print("done")

if __name__ == "__main__":
    Unheard()
"""
REDIRECTIONS = {
    "full and closed": "<&- >/dev/full 2>&-",
    "closed": "<&- >&- 2>&-",
    "a pipe that nobody reads": "",
}


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The end of a pipe that takes nothing more."""
    out, into = os.pipe()
    os.set_blocking(into, False)
    try:
        while os.write(into, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(into, True)
    yield into
    os.close(out)
    os.close(into)


@pytest.fixture(scope="module")
def deployed(lodging: Any) -> Any:
    """A home with the flow deployed."""
    done = lodging.run("deploy", str(lodging.flow("unheard.py", FLOW)))
    assert done.returncode == 0, done.stderr
    return lodging


@pytest.mark.parametrize("how", REDIRECTIONS)
def test_a_worker_without_an_output_runs_tasks(deployed: Any, full_pipe: int, how: str) -> None:
    """With its streams full, closed or standing still, runs end well, their logs have nothing of it, and it stops."""
    words = f'exec "$0" -m mftctl worker Unheard {REDIRECTIONS[how]}'
    command = ["sh", "-c", words, str(deployed.env["PATH"].split(os.pathsep)[0]) + "/python"]
    worker = subprocess.Popen(
        command,
        cwd=deployed.folder,
        env=deployed.env,
        stdin=subprocess.DEVNULL,
        stdout=full_pipe,
        stderr=full_pipe,
    )
    deployed.processes.append(worker)
    started = deployed.run("trigger", "Unheard", "--wait", "-o", "name")
    assert started.returncode == 0, started.stderr
    logs = deployed.run("runs", "logs", started.stdout.strip())
    assert [line.rpartition("] ")[2] for line in logs.stdout.splitlines()].count("hello") == 1, logs.stdout
    assert not [word for word in ("Error", "No space", "Traceback") if word in logs.stdout], logs.stdout
    worker.terminate()
    assert worker.wait(30) == 0
