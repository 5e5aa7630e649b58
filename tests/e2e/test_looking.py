"""The commands that look at runs: list, describe, watch, logs, artifacts, report; and how a run is named."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pexpect
import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client

pytestmark = pytest.mark.xdist_group("looking")

FLOW = """
import os, sys, time
from metaflow import FlowSpec, Parameter, current, retry, step as plain
from mftctl.saga import step

class Looked(FlowSpec):
    mode = Parameter("mode", default="well")

    @step
    def start(self):
        print("starts", self.mode)
        self.items = list(range(3))
        self.next(self.left, self.fan)

    @start.compensate
    def undo(self):
        print("undone")

    @plain
    def left(self):
        self.next(self.both)

    @plain
    def fan(self):
        self.next(self.body, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @plain
    def body(self):
        print("body", self.input, "attempt", current.retry_count)
        print("aside", self.input, file=sys.stderr)
        if self.input == 1 and current.retry_count == 0:
            raise ValueError("flaky")
        while self.mode == "hold" and self.input == 2 and not os.path.exists("PLACE/go"):
            time.sleep(0.05)
        ends = [f"PLACE/{current.run_id}.{number}" for number in (0, 1)]
        while self.mode == "fail" and self.input == 2 and not all(map(os.path.exists, ends)):
            time.sleep(0.05)
        if self.mode == "fail" and self.input == 2:
            raise RuntimeError("cannot do it")
        self.got = {"value": self.input}
        if self.mode == "fail":
            open(ends[self.input], "w").close()
        self.next(self.join)

    @plain
    def join(self, inputs):
        self.next(self.both)

    @retry(times=1, minutes_between_retries=5)
    @plain
    def both(self, inputs):
        if self.mode == "later":
            raise RuntimeError("later")
        self.next(self.end)

    @plain
    def end(self):
        pass

if __name__ == "__main__":
    Looked()
"""


@pytest.fixture(scope="module")
def looked(lodging):
    """A home with the deployment and a worker of it."""
    lodging.flow("looked.py", FLOW.replace("PLACE", str(lodging.folder)))
    assert lodging.run("deploy", "looked.py", "--tag", "team:looked").returncode == 0
    lodging.worker("Looked", "--concurrency", "4")
    return lodging


@pytest.fixture(scope="module")
def well(looked) -> str:
    """A run that went well."""
    done = looked.run("trigger", "Looked", "--wait", "--tag", "kind:well", "-o", "name")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def failed(looked, well: str) -> str:  # noqa: ARG001 - it is to be the later one
    """A later one, that failed."""
    done = looked.run("trigger", "Looked", "mode=fail", "--wait", "-o", "name")
    assert done.returncode == 3, done.stderr
    return done.stdout.strip()


def test_temporals_ui_shows_the_graph(server: str, well: str, failed: str) -> None:
    """The workflow's details draw each step with its state and counts, as `runs describe` does."""

    async def details(run_id: str) -> list[str]:
        handle = (await Client.connect(server)).get_workflow_handle(run_id)
        said = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        return said.current_details.splitlines()

    assert asyncio.run(details(well)) == [
        "```",
        "✓ start  1/1",
        "├─ ✓ left  1/1",
        "├─ ✓ fan  1/1",
        "│  ├─ ✓ body  3/3",
        "│  ✓ join  1/1",
        "✓ both  1/1",
        "✓ end  1/1",
        "```",
    ]
    drawn = asyncio.run(details(failed))
    assert "│  ├─ ✗ body  2/3" in drawn
    assert "  both" in drawn


def data(home: Any, *arguments: str) -> Any:
    """What a command that goes well says in JSON."""
    done = home.run(*arguments, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listed(home: Any, *arguments: str) -> list[str]:
    """Ids of the runs that are listed, of this file's deployment."""
    done = home.run("runs", "list", "--deployment", "Looked", *arguments, "-o", "name")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_runs_are_listed(looked, well: str, failed: str) -> None:
    """Each with its counts and where it failed, and cut down by status, tag, time and number."""
    rows = data(looked, "runs", "list", "--deployment", "Looked")
    assert [row["run_id"] for row in rows] == [failed, well]
    assert rows[0]["status"] == "failed"
    assert rows[0]["failed_step"] == "body"
    assert rows[1]["tasks"] == {"done": 9, "known": 9}
    assert rows[1]["tags"] == ["team:looked", "kind:well"]
    assert (rows[1]["schema_version"], rows[1]["deployment"], rows[1]["owner"]) == (1, "Looked", "tester")
    assert listed(looked, "--status", "failed") == [failed]
    assert listed(looked, "--tag", "kind:well", "--tag", "team:looked") == [well]
    assert listed(looked, "--since", rows[0]["started"]) == [failed]
    assert listed(looked, "--limit", "1") == [failed]
    assert listed(looked, "--status", "paused") == []
    assert data(looked, "runs", "list", "--tag", "nobody's") == []
    assert "9/9" in looked.run("runs", "list", "--deployment", "Looked").stdout
    for wrong, code in ((["--deployment", "nothing"], 4), (["--since", "soon"], 2), (["--limit", "0"], 2)):
        assert looked.run("runs", "list", *wrong).returncode == code


def test_a_run_that_failed_is_described(looked, failed: str) -> None:
    """Steps with counts, the failure with its attempt and last lines, what was undone, and how to open it."""
    about = data(looked, "runs", "describe", failed)
    steps = {step["step"]: step for step in about["steps"]}
    assert list(steps) == ["start", "left", "fan", "body", "join", "both", "end"]
    body = steps["body"]
    assert (body["state"], body["known"], body["done"], body["failed"], body["retries"]) == (
        "failed",
        3,
        2,
        1,
        2,
    )
    assert (steps["end"]["state"], steps["end"]["seconds"]) == ("none", None)
    assert about["parameters"] == {"mode": "fail"}
    assert about["failure"]["task"] == "temporal-body-2"
    assert about["failure"]["attempt"] == 1
    assert about["failure"]["log"][-1] == "RuntimeError: cannot do it"
    assert [(one["name"], one["state"]) for one in about["compensations"]] == [("undo", "done")]
    assert about["links"]["client"] == f'metaflow.Run("Looked/{failed}")'
    shown = looked.run("runs", "describe", failed, MFTCTL_TEMPORAL_UI="https://temporal.example/").stdout
    assert f"https://temporal.example/namespaces/default/workflows/{failed}/" in shown
    shown = looked.run("runs", "describe", failed, PYTHONIOENCODING="utf-8").stdout
    assert "│  ├─ ✗ body" in shown
    assert "RuntimeError: cannot do it" in shown
    plain = looked.run("runs", "describe", failed, PYTHONIOENCODING="ascii").stdout
    assert "|  |- x body" in plain
    assert plain.isascii()


def test_a_run_is_known_by_the_beginning_of_its_id(looked, well: str, failed: str) -> None:
    """Or as @latest, of a deployment; what is meant of several is asked, with their names."""
    assert data(looked, "runs", "describe", well[:-3])["run_id"] == well
    assert data(looked, "runs", "describe", f"Looked/{well}")["run_id"] == well
    assert data(looked, "runs", "describe", "@latest", "--deployment", "Looked")["run_id"] == failed
    several = looked.run("runs", "describe", "temporal-looked-")
    assert several.returncode == 4
    assert well in several.stderr
    assert failed in several.stderr
    assert looked.run("runs", "describe", "temporal-looked-zzz").returncode == 4
    assert looked.run("runs", "cancel", well[:-3]).returncode == 6


def test_logs_of_tasks_come_in_order(looked, failed: str) -> None:
    """Merged, each line with its task; one task's as they are; an attempt, or a stream, by itself."""
    rows = data(looked, "runs", "logs", failed)
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert {row["task"] for row in rows} >= {"temporal-start-0", "temporal-body-0", "temporal-undo-0"}
    assert "body 1 attempt 1" in [row["text"] for row in rows]
    merged = looked.run("runs", "logs", failed).stdout
    assert "[body/temporal-body-0] body 0 attempt 0" in merged
    assert looked.run("runs", "logs", failed, "body/0").stdout.splitlines() == ["body 0 attempt 0", "aside 0"]
    assert looked.run("runs", "logs", failed, "body[0]", "--stderr").stdout == "aside 0\n"
    assert "body 1 attempt 0\n" in looked.run("runs", "logs", failed, "body/1", "--attempt", "0").stdout
    assert looked.run("runs", "logs", failed, "--since", "2100-01-01").stdout == ""
    assert looked.run("runs", "logs", failed, "nothing").returncode == 4
    assert looked.run("runs", "logs", failed, "body/9").returncode == 4
    none = looked.run("runs", "logs", failed, "body/1", "--attempt", "7")
    assert (none.returncode, "body/1" in none.stderr, "the last one is 1" in none.stderr) == (4, True, True)
    assert "has not reached step end" in looked.run("runs", "logs", failed, "end").stderr


def test_artifacts_of_a_task_are_shown(looked, failed: str) -> None:
    """Names, types and values, also of a task that failed; which of several tasks is meant has to be said."""
    rows = {row["name"]: row for row in data(looked, "runs", "artifacts", failed, "body/0")}
    assert (rows["got"]["type"], rows["got"]["value"]) == ("dict", {"value": 0})
    shown = looked.run("runs", "artifacts", failed, "body/2").stdout.splitlines()
    assert "items\tlist\t[0, 1, 2]" in shown
    assert not [line for line in shown if line.startswith("got")]
    for step in ("body", "end"):
        assert looked.run("runs", "artifacts", failed, step).returncode == 4


def test_a_run_is_watched_and_its_logs_followed(
    looked, well: str, failed: str, wait_until: Callable[..., None]
) -> None:
    """`watch` draws, gives up after --timeout, and ends with the run's outcome; `logs --follow` ends with the run."""
    run_id = looked.run("trigger", "Looked", "mode=hold", "-o", "name").stdout.strip()
    log = looked.folder / "followed"
    following = looked.start("runs", "logs", run_id, "body", "--follow", log=log)
    waiting = looked.run("runs", "watch", run_id, "--timeout", "1s")
    assert (waiting.returncode, "it continues" in waiting.stderr) == (124, True)
    wait_until(lambda: "body 2" in log.read_text(), "lines of a task that runs are shown")

    def pending() -> list[tuple[str, str]]:
        return [(one["label"], one["state"]) for one in data(looked, "runs", "describe", run_id)["pending"]]

    wait_until(lambda: pending() == [("body[2]", "running")], "all other tasks are done")
    about = data(looked, "runs", "describe", run_id)
    assert (about["status"], about["worker"]) == ("running", True)
    screen = pexpect.spawn(
        *command(looked, "runs", "watch", run_id), encoding="utf-8", timeout=60, dimensions=(30, 100)
    )
    screen.expect("body.*2/3 done, 1 running")
    listed = pexpect.spawn(
        *command(looked, "runs", "list", "--watch", "--deployment", "Looked"),
        encoding="utf-8",
        timeout=60,
        dimensions=(30, 160),
    )
    listed.expect(rf"{run_id} +Looked +running")
    top = pexpect.spawn(
        *command(looked, "runs", "top", "--deployment", "Looked"),
        encoding="utf-8",
        timeout=60,
        dimensions=(30, 160),
    )
    top.expect(rf"{run_id} +body/temporal-body-2 +0 +running +\S+ +mft")  # cut at the width
    (row,) = data(looked, "runs", "top", "--deployment", "Looked")
    assert (row["run_id"], row["step"], row["state"], row["attempt"]) == (run_id, "body", "running", 0)
    (looked.folder / "go").touch()
    top.expect(r"\x1b\[\d*A.*no (run is open|task of an open run)")
    top.sendintr()
    top.expect(pexpect.EOF)
    top.close()
    assert top.exitstatus == 130
    listed.expect(rf"\x1b\[\d*A.*{run_id} +Looked +completed")  # in place: the cursor goes up first
    listed.sendintr()
    listed.expect(pexpect.EOF)
    listed.close()
    assert listed.exitstatus == 130
    screen.expect("3/3 done")
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 0
    assert following.wait(60) == 0
    lines = log.read_text()
    assert lines.count("body 0 attempt 0") == 1
    assert lines.count("body 1 attempt 1") == 1
    assert looked.run("runs", "watch", failed).returncode == 3
    for options, reason in (((), "not a terminal"), (("-o", "json"), "format json")):
        refused = looked.run("runs", "list", "--watch", *options)
        assert (refused.returncode, refused.stdout, reason in refused.stderr) == (2, "", True)
    assert data(looked, "runs", "watch", well)["status"] == "completed"


def command(home: Any, *arguments: str) -> Any:
    """Program, arguments and environment for a terminal."""
    import sys

    words = [f"{name}={value}" for name, value in {**home.env, "TERM": "xterm"}.items()]
    return "/usr/bin/env", [*words, sys.executable, "-m", "mftctl", *arguments]


def test_a_retry_that_is_to_come_is_shown(looked, wait_until: Callable[..., None]) -> None:
    """With when it is due; and runs are cancelled together, or terminated after a question on a terminal."""
    first, second = (
        looked.run("trigger", "Looked", "mode=later", "-o", "name").stdout.strip() for _ in range(2)
    )
    found: dict[str, Any] = {}

    def retrying() -> bool:
        found.update(data(looked, "runs", "describe", first))
        return [(one["step"], one["state"]) for one in found["pending"]] == [("both", "retrying")]

    wait_until(retrying, "an attempt has failed, and there will be another")
    (pending,) = found["pending"]
    assert (pending["step"], pending["attempt"]) == ("both", 1)
    assert re.fullmatch(r"RuntimeError: later \(\w+\.py:\d+ in both\)", pending["message"])
    due = datetime.fromisoformat(pending["next_attempt"]) - datetime.fromisoformat(pending["since"])
    assert 240 < due.total_seconds() < 360
    assert re.search(r"retry 1 of 1 in [45]m ", looked.run("runs", "describe", first).stdout)
    for answer, status in (("n", 1), ("y", 0)):
        screen = pexpect.spawn(*command(looked, "runs", "terminate", second), encoding="utf-8", timeout=60)
        screen.expect("Terminate .*N]")
        screen.sendline(answer)
        screen.expect(pexpect.EOF)
        screen.close()
        assert screen.exitstatus == status
    both = looked.run("runs", "cancel", first, second, "-o", "json")
    assert both.returncode == 6
    rows = json.loads(both.stdout)
    assert (rows[0]["status"], rows[1]["error"]["code"]) == ("cancelled", "run.over")


def test_a_run_becomes_a_page(looked, failed: str) -> None:
    """With the log of what failed in full; its name is the result."""
    done = looked.run("runs", "report", failed, "-o", "page.html", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"schema_version": 1, "run_id": failed, "file": "page.html"}
    page = (looked.folder / "page.html").read_text()
    assert "body 2 attempt 1" in page
    assert "6 of 7 done" not in page
    assert f"Looked/{failed}" in page
    assert looked.run("runs", "report", failed, "-o", "-").stdout.startswith("<!DOCTYPE html>")
    assert looked.run("runs", "report", failed, "-o", "--quiet").returncode == 2
    assert looked.run("runs", "report", failed, "-o", "json").returncode == 2
    assert looked.run("runs", "report", failed, "-o", "no/such/folder.html").returncode == 2
