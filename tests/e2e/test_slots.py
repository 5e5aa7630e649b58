"""A worker takes no task that it has no slot for."""

from __future__ import annotations

from typing import Any

SLOW = """
import pathlib, time
from metaflow import FlowSpec, step

class SlotSlow(FlowSpec):
    @step
    def start(self):
        pathlib.Path("{begun}").touch()
        while pathlib.Path("{hold}").exists():
            time.sleep(0.05)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    SlotSlow()
"""
BRIEF = """
from metaflow import FlowSpec, current, step, timeout

class SlotBrief(FlowSpec):
    @timeout(seconds=5)
    @step
    def start(self):
        print("attempt", current.retry_count)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    SlotBrief()
"""


def test_a_task_waits_on_the_server_for_a_slot(served: Any, wait_until: Any) -> None:
    """While one deployment's task has the only slot, another's goes to an idle worker, as its first attempt."""
    hold, begun = served.folder / "hold", served.folder / "begun"
    hold.touch()
    for name, source in (("slow.py", SLOW.format(hold=hold, begun=begun)), ("brief.py", BRIEF)):
        assert served.run("deploy", str(served.flow(name, source))).returncode == 0
    busy = served.worker("SlotSlow", "SlotBrief", "--concurrency", "1")
    slow = served.run("trigger", "SlotSlow").stdout.strip()
    wait_until(begun.exists, "the long task runs")
    brief = served.run("trigger", "SlotBrief").stdout.strip()
    idle = served.worker("SlotSlow", "SlotBrief", "--concurrency", "1")
    watched = served.run("runs", "watch", brief)
    assert watched.returncode == 0, watched.stderr
    assert "attempt 0" in served.run("runs", "logs", brief).stdout
    assert "SlotBrief" not in busy.read_text().replace("serving SlotBrief", "")
    assert "SlotBrief" in idle.read_text().replace("serving SlotBrief", "")
    hold.unlink()
    assert served.run("runs", "watch", slow).returncode == 0
