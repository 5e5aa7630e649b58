"""`mftctl doctor`: this machine on a page, and what may be cleaned away."""

from __future__ import annotations

import json
from pathlib import Path

FLOW = """
import os, time
from metaflow import FlowSpec, step

class SlowFlow(FlowSpec):
    @step
    def start(self):
        open(os.environ["STARTED"], "w").close()
        while not os.path.exists(os.environ["GO_ON"]):
            time.sleep(0.05)
        import beside
        self.word = beside.WORD
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    SlowFlow()
"""


def test_one_page_for_people_and_programs(home, server: str) -> None:
    """Versions, profile, server, checks and caches; without any server it is no failure."""
    done = home.run("doctor", "-o", "json", TEMPORAL_ADDRESS=server)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {
        "schema_version",
        "versions",
        "profile",
        "server",
        "checks",
        "held_runs",
        "caches",
        "cleaned",
    }
    assert set(found["versions"]) == {"mftctl", "python", "temporalio", "metaflow", "system"}
    assert found["server"]["where"] == server
    checks = {one["check"]: one for one in found["checks"]}
    assert all(one["ok"] for one in checks.values())
    assert "metaflow " in checks["flow interpreter"]["message"]
    alone = home.run("doctor")
    assert alone.returncode == 0, alone.stderr
    assert "not configured and not running" in alone.stdout
    assert "dns" not in alone.stdout
    lost = home.run("doctor", "--address", "127.0.0.1:9")
    assert lost.returncode == 5
    assert "tcp\tFAILED\tconnection refused" in lost.stdout


def test_cleaning_leaves_alone_what_a_worker_uses(served, wait_until) -> None:
    """A task goes on from code that is loaded only then; once the worker is gone its code goes."""
    flow = served.flow("slow_flow.py", FLOW)
    (served.folder / "beside.py").write_text("WORD = 'still there'\n")
    started, go_on = served.folder / "started", served.folder / "go-on"
    served.env.update(STARTED=str(started), GO_ON=str(go_on))
    packages = Path(served.env["MFTCTL_CACHE"]) / "packages"
    assert served.run("deploy", str(flow), "--name", "slow").returncode == 0
    (unused,) = packages.iterdir()
    served.worker("slow")
    run_id = served.run("trigger", "slow", "-o", "name").stdout.strip()
    wait_until(started.exists, "the task runs")
    found = json.loads(served.run("doctor", "--clean", "-o", "json").stdout)
    assert [(one["entries"], one["in_use"]) for one in found["caches"] if one["name"] == "code packages"] == [
        (1, 1)
    ]
    assert found["cleaned"]["removed"] == []
    go_on.touch()
    metadata = served.folder / ".metaflow"
    wait_until(lambda: list(metadata.glob(f"SlowFlow/{run_id}/end/*/0.DONE.lock")), "the run has ended")
    worker = served.processes[-1]
    worker.terminate()
    assert worker.wait(60) == 0
    assert json.loads(served.run("doctor", "--clean", "-o", "json").stdout)["cleaned"]["removed"] == [
        str(unused)
    ]
