"""A Schedule made by hand under a deployment's name: one warning, and all else goes on."""

from __future__ import annotations

import json
from typing import Any

FLOW = """
from metaflow import FlowSpec, step

class Tiny(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print("done")

if __name__ == "__main__":
    Tiny()
"""
BY_HAND = ("--workflow-id", "x", "--task-queue", "q", "--type", "T", "--input", '{"a": 1}', "--paused")


def temporal(home: Any, *words: str) -> None:
    done = home.command("temporal", *words, "--address", home.env["TEMPORAL_ADDRESS"])
    assert done.returncode == 0, done.stderr


def test_a_schedule_made_by_hand_stops_nobody(served: Any, wait_until: Any) -> None:
    """A worker says once what it is and goes on; lists name it and have the rest; it can be deleted."""
    flow = str(served.flow("tiny.py", FLOW))
    assert served.run("deploy", flow).returncode == 0
    log = served.worker("--all")
    temporal(served, "schedule", "create", "-s", "mftctl.handmade", *BY_HAND)
    try:
        wait_until(lambda: "mftctl.handmade" in log.read_text(), "the worker warns")
        ended = served.run("trigger", "Tiny", "--wait")
        assert ended.returncode == 0, ended.stderr
        assert log.read_text().count("mftctl.handmade") == 1
        flows_own = served.python(flow, "temporal", "list-deployments", "--all")
        for listed in (served.run("deployments", "list"), served.run("schedule", "list"), flows_own):
            assert listed.returncode == 0, listed.stderr
            assert listed.stderr.count("mftctl.handmade") == 1
        names = [
            one["deployment"] for one in json.loads(served.run("deployments", "list", "-o", "json").stdout)
        ]
        assert "Tiny" in names
        assert "handmade" not in names
        for command in (("deployments", "describe"), ("trigger",), ("schedule", "describe")):
            refused = served.run(*command, "handmade")
            assert refused.returncode == 6, refused.stderr
            assert "starts the workflow T with an input that is not a manifest" in refused.stderr
            assert "deployments delete handmade --yes" in refused.stderr
    finally:
        gone = served.run("deployments", "delete", "handmade", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert "handmade" not in served.run("deployments", "list").stderr
