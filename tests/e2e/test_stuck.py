"""A run whose worker has a fault of mftctl's own is seen as stuck, and ends under a mended worker."""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request

FLOW = """
from metaflow import FlowSpec, step

class Faulty(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Faulty()
"""

#: A build that does not know what follows a task.
BROKEN = """
from mftctl.engine.plan import Plan

def finished(self, task, outcome, since=0):
    raise KeyError("no such group")

Plan.finished = finished
from mftctl.__main__ import main
main()
"""


def test_an_engine_error_is_seen_and_survived(served, wait_until):
    """Within 10 s `runs list`, `describe`, the worker's log and its metrics say so; a mended worker ends the run."""
    flow = served.flow("faulty.py", FLOW)
    assert served.run("deploy", str(flow)).returncode == 0
    log = served.serve(sys.executable, "-c", BROKEN, "worker", "Faulty", "--metrics", "127.0.0.1:0")
    run_id = served.run("trigger", "Faulty", "-o", "name").stdout.strip()
    wait_until(lambda: " finished" in log.read_text(), "the first task is done")
    before = time.monotonic()
    _listed(served)
    began = time.monotonic()
    wait_until(lambda: "is stuck" in log.read_text(), "the worker says it")
    wait_until(lambda: _listed(served)["status"] == "stuck", "the list says it")
    assert time.monotonic() - began < 10 + 3 * (
        began - before
    )  # a busy machine takes its time for each command
    assert f"run {run_id} is stuck: KeyError: 'no such group'" in log.read_text()
    (metrics,) = re.findall(r"metrics at (\S+)", log.read_text())
    with urllib.request.urlopen(metrics) as answer:  # noqa: S310 - of the worker
        assert "\nmftctl_stuck_runs_total 1\n" in answer.read().decode()
    assert _listed(served)["problem"].startswith("KeyError: 'no such group'")
    told = served.run("runs", "describe", run_id).stdout
    assert "stuck" in told
    assert "KeyError: 'no such group'" in told
    assert [row["run_id"] for row in json.loads(_stuck(served))] == [run_id]
    served.processes[-1].kill()
    served.worker("Faulty")
    assert served.run("runs", "watch", run_id).returncode == 0
    assert json.loads(_stuck(served)) == []


def _listed(served):
    return json.loads(served.run("runs", "list", "--deployment", "Faulty", "-o", "json").stdout)[0]


def _stuck(served):
    return served.run("runs", "list", "--status", "stuck", "-o", "json").stdout
