import asyncio
import json

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


def begin(served, wait_until) -> str:
    """A run whose first step is running."""
    served.flow("steered.py", FLOW.replace("PLACE", str(served.folder)))
    assert served.run("deploy", "steered.py").returncode == 0
    served.worker("Steered")
    run_id = served.run("trigger", "Steered", "-o", "name").stdout.strip()
    wait_until((served.folder / "began").exists, "the first step runs")
    return run_id


def test_a_cancelled_run_goes_on_where_it_was(served, wait_until):
    """`runs cancel` waits until the tasks have stopped; `runs resume --wait` lets the run go on and tells its end.

    Somebody else needs the production token.
    """
    run_id = begin(served, wait_until)
    cancelled = served.run("runs", "cancel", run_id, "-o", "json")
    assert json.loads(cancelled.stdout)["status"] == "cancelled"
    (served.folder / "go").touch()
    (served.folder / "fail").touch()
    stranger = {"METAFLOW_USER": "stranger", "METAFLOW_HOME": str(served.folder / "stranger")}
    assert served.run("runs", "resume", run_id, **stranger).returncode == 6
    token = json.loads(served.run("deploy", "steered.py", "-o", "json").stdout)["production_token"]
    failed = served.run("runs", "resume", run_id, "--wait", "--authorize", token, **stranger)
    assert failed.returncode == 3
    assert "not yet" in failed.stderr
    (served.folder / "fail").unlink()
    resumed = served.run("runs", "resume", run_id, "--wait", "-o", "json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout) | {"run_id": run_id, "status": "completed"} == json.loads(
        resumed.stdout
    )


def test_what_cannot_be_done_to_a_run(served, server, wait_until):
    """Steering a run that is over is a conflict (6), one that is not there not found (4); pausing twice is fine.

    So is a pause that somebody signals by hand, whatever comes with it.
    """
    run_id = begin(served, wait_until)
    assert served.run("runs", "resume", run_id).returncode == 6
    assert served.run("runs", "pause", run_id).returncode == 0
    again = served.run("runs", "pause", run_id)
    assert (again.returncode, "already" in again.stderr) == (0, True)
    assert served.run("runs", "unpause", run_id).returncode == 0

    async def by_hand(*words):
        client = await Client.connect(server)
        await client.get_workflow_handle(run_id).signal("pause", args=words)

    for words in ((), ("please", "soon")):
        asyncio.run(by_hand(*words))
        wait_until(
            lambda: '"paused"' in served.run("runs", "describe", run_id, "-o", "json").stdout, "it is paused"
        )
        assert served.run("runs", "unpause", run_id).returncode == 0
    assert served.run("runs", "terminate", run_id).returncode == 0
    assert served.run("runs", "cancel", run_id).returncode == 6
    unknown = served.run("runs", "pause", "temporal-steered-nobody")
    assert unknown.returncode == 4
    assert unknown.stderr.startswith("mftctl: there is no run")
