import asyncio
import json

import pytest
from temporalio.client import Client

FLOW = """
import os, time
from metaflow import FlowSpec, step

class Changed(FlowSpec):
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
    Changed()
"""


@pytest.fixture(scope="module")
def changed(lodging):
    """A home with the deployment and a worker of it."""
    lodging.flow("changed.py", FLOW.replace("PLACE", str(lodging.folder)))
    assert lodging.run("deploy", "changed.py").returncode == 0
    lodging.worker("Changed")
    return lodging


@pytest.fixture
def run_id(changed, wait_until) -> str:
    """A run whose first step is running."""
    for left in ("began", "go", "fail"):
        (changed.folder / left).unlink(missing_ok=True)
    started = changed.run("trigger", "Changed", "-o", "name").stdout.strip()
    wait_until((changed.folder / "began").exists, "the first step runs")
    return started


def test_a_cancelled_run_goes_on_where_it_was(changed, run_id):
    """`runs cancel` waits until the tasks have stopped; `runs resume --wait` lets the run go on and tells its end.

    Somebody else needs the production token.
    """
    cancelled = changed.run("runs", "cancel", run_id, "-o", "json")
    assert json.loads(cancelled.stdout)["status"] == "cancelled"
    (changed.folder / "go").touch()
    (changed.folder / "fail").touch()
    stranger = {"METAFLOW_USER": "stranger", "METAFLOW_HOME": str(changed.folder / "stranger")}
    assert changed.run("runs", "resume", run_id, **stranger).returncode == 6
    token = json.loads(changed.run("deploy", "changed.py", "-o", "json").stdout)["production_token"]
    failed = changed.run("runs", "resume", run_id, "--wait", "--authorize", token, **stranger)
    assert failed.returncode == 3
    assert "not yet" in failed.stderr
    (changed.folder / "fail").unlink()
    resumed = changed.run("runs", "resume", run_id, "--wait", "-o", "json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout) | {"run_id": run_id, "status": "completed"} == json.loads(
        resumed.stdout
    )


def test_what_cannot_be_done_to_a_run(changed, run_id, server, wait_until):
    """Steering a run that is over is a conflict (6), one that is not there not found (4); pausing twice is fine.

    So is a pause that somebody signals by hand, whatever comes with it.
    """
    assert changed.run("runs", "resume", run_id).returncode == 6
    assert changed.run("runs", "pause", run_id).returncode == 0
    again = changed.run("runs", "pause", run_id)
    assert (again.returncode, "already" in again.stderr) == (0, True)
    assert changed.run("runs", "unpause", run_id).returncode == 0

    async def by_hand(*words):
        client = await Client.connect(server)
        await client.get_workflow_handle(run_id).signal("pause", args=words)

    for words in ((), ("please", "soon")):
        asyncio.run(by_hand(*words))
        wait_until(
            lambda: '"paused"' in changed.run("runs", "describe", run_id, "-o", "json").stdout, "it is paused"
        )
        assert changed.run("runs", "unpause", run_id).returncode == 0
    assert changed.run("runs", "terminate", run_id).returncode == 0
    assert changed.run("runs", "cancel", run_id).returncode == 6
    unknown = changed.run("runs", "pause", "temporal-changed-nobody")
    assert unknown.returncode == 4
    assert unknown.stderr.startswith("mftctl: there is no run")
