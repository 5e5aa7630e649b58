import asyncio
import json

import pytest
from temporalio.client import Client

FLOW = """
import os, time
from metaflow import FlowSpec, step

class Steered(FlowSpec):
    @step
    def start(self):
        open("PLACE/began", "w").close()
        while not os.path.exists("PLACE/go"):
            time.sleep(0.02)
        self.next(self.end)

    @step
    def end(self):
        if os.path.exists("PLACE/fail"):
            raise RuntimeError("not yet")

if __name__ == "__main__":
    Steered()
"""


@pytest.fixture(scope="module")
def steered(lodging):
    """A home with the deployment and a worker of it."""
    lodging.flow("steered.py", FLOW.replace("PLACE", str(lodging.folder)))
    assert lodging.run("deploy", "steered.py").returncode == 0
    lodging.worker("Steered")
    return lodging


@pytest.fixture
def run_id(steered, wait_until) -> str:
    """A run whose first step is running."""
    for left in ("began", "go", "fail"):
        (steered.folder / left).unlink(missing_ok=True)
    started = steered.run("trigger", "Steered", "-o", "name").stdout.strip()
    wait_until((steered.folder / "began").exists, "the first step runs")
    return started


def test_a_cancelled_run_goes_on_where_it_was(steered, run_id):
    """`runs cancel` waits until the tasks have stopped; `runs resume --wait` lets the run go on and tells its end.

    Somebody else needs the production token.
    """
    cancelled = steered.run("runs", "cancel", run_id, "-o", "json")
    assert json.loads(cancelled.stdout)["status"] == "cancelled"
    (steered.folder / "go").touch()
    (steered.folder / "fail").touch()
    stranger = {"METAFLOW_USER": "stranger", "METAFLOW_HOME": str(steered.folder / "stranger")}
    assert steered.run("runs", "resume", run_id, **stranger).returncode == 6
    token = json.loads(steered.run("deploy", "steered.py", "-o", "json").stdout)["production_token"]
    failed = steered.run("runs", "resume", run_id, "--wait", "--authorize", token, **stranger)
    assert failed.returncode == 3
    assert "not yet" in failed.stderr
    (steered.folder / "fail").unlink()
    resumed = steered.run("runs", "resume", run_id, "--wait", "-o", "json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout) | {"run_id": run_id, "status": "completed"} == json.loads(
        resumed.stdout
    )


def test_what_cannot_be_done_to_a_run(steered, run_id, server, wait_until):
    """Steering a run that is over is a conflict (6), one that is not there not found (4); pausing twice is fine.

    So is a pause that somebody signals by hand, whatever comes with it.
    """
    assert steered.run("runs", "resume", run_id).returncode == 6
    assert steered.run("runs", "pause", run_id).returncode == 0
    again = steered.run("runs", "pause", run_id)
    assert (again.returncode, "already" in again.stderr) == (0, True)
    assert steered.run("runs", "unpause", run_id).returncode == 0

    async def by_hand(*words):
        client = await Client.connect(server)
        await client.get_workflow_handle(run_id).signal("pause", args=words)

    for words in ((), ("please", "soon")):
        asyncio.run(by_hand(*words))
        wait_until(
            lambda: '"paused"' in steered.run("runs", "describe", run_id, "-o", "json").stdout, "it is paused"
        )
        assert steered.run("runs", "unpause", run_id).returncode == 0
    assert steered.run("runs", "terminate", run_id).returncode == 0
    assert steered.run("runs", "cancel", run_id).returncode == 6
    unknown = steered.run("runs", "pause", "temporal-steered-nobody")
    assert unknown.returncode == 4
    assert unknown.stderr.startswith("mftctl: there is no run")
