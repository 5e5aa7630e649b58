"""`mftctl deployments` and `mftctl schedule` against a real server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pexpect
from temporalio.client import Client

FLOW = """
from metaflow import FlowSpec, Parameter, {names}step

{decorator}
class {flow}(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        import time, pathlib
        while pathlib.Path("{hold}").exists():
            time.sleep(0.05)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    {flow}()
"""


def flow(home: Any, name: str, decorator: str = "", file: str = "ops.py") -> str:
    """Write a flow whose runs go on for as long as the file `hold` is there."""
    names = "schedule, " if "schedule" in decorator else "trigger, " if "trigger" in decorator else ""
    hold = home.folder / "hold"
    return str(home.flow(file, FLOW.format(flow=name, decorator=decorator, names=names, hold=hold)))


def deploy(home: Any, name: str, decorator: str = "", *options: str) -> Any:
    return said(home, "deploy", flow(home, name, decorator), *options)


def said(home: Any, *arguments: str) -> Any:
    """The JSON that a command answers."""
    done = home.run(*arguments, "-o", "json")
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


def refused(home: Any, code: int, *arguments: str, **env: str) -> Any:
    """The error of a command that must not work."""
    done = home.run(*arguments, "-o", "json", **env)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    return json.loads(done.stderr)["error"]


def test_deployments_are_listed_with_who_serves_them(lodging: Any, wait_until: Callable[..., None]) -> None:
    """A list and a description say version, schedule, triggers, owner and the workers that poll right now: none
    before one is started, it while it runs, and none as soon as it has left.
    """
    made = deploy(lodging, "SeenFlow", '@trigger(event="seen")', "--tag", "team:ml")
    row = next(one for one in said(lodging, "deployments", "list") if one["deployment"] == "SeenFlow")
    assert (row["version"], row["owner"], row["workers"]) == (made["version"], "tester", [])
    assert [one["name"] for one in row["triggers"]] == ["seen"]
    told = lodging.run("deployments", "describe", "SeenFlow")
    assert "no worker serves it" in told.stdout
    assert "mftctl worker SeenFlow" in told.stderr
    lodging.worker("SeenFlow")
    worker = lodging.processes[-1]
    wait_until(lambda: said(lodging, "deployments", "describe", "SeenFlow")["workers"], "the worker polls")
    described = said(lodging, "deployments", "describe", "SeenFlow")
    assert [one["identity"].endswith(f":{worker.pid}") for one in described["workers"]] == [True]
    assert (described["tags"], described["steps"]) == (["team:ml"], ["end", "start"])
    assert [(one["name"], one["type"]) for one in described["parameters"]] == [("alpha", "int")]
    assert lodging.run("deployments", "list", "--flow", "SeenFlow", "-o", "name").stdout == "SeenFlow\n"
    (seen,) = said(lodging, "workers", "list", "--queue", described["task_queue"])
    assert (seen["state"], seen["process_id"]) == ("running", str(worker.pid))
    queues = json.loads(lodging.run("queues", "list", "-o", "json").stdout)
    (queue,) = [one for one in queues if one["task_queue"] == described["task_queue"]]
    assert (queue["workers"], queue["deployments"], queue["runs"]) == (1, ["SeenFlow"], 0)
    worker.terminate()
    assert worker.wait(60) == 0
    wait_until(
        lambda: not said(lodging, "deployments", "describe", "SeenFlow")["workers"],
        "the worker that has left is not named any more",
    )
    assert lodging.run("workers", "list", "--queue", described["task_queue"], "-o", "name").stdout == ""


def test_diff_says_what_a_deploy_would_change(lodging: Any) -> None:
    """The same changes as the deploy itself tells, and nothing is registered by looking."""
    made = deploy(lodging, "DiffFlow", "", "--tag", "a:b")
    same = said(lodging, "deployments", "diff", "DiffFlow", "ops.py", "--tag", "a:b")
    assert (same["changes"], same["new_version"]) == ([], made["version"])
    file = flow(lodging, "DiffFlow", '@schedule(cron="0 6 * * ? *")')
    changed = said(lodging, "deployments", "diff", "DiffFlow", "--max-workers", "7")
    assert {one["what"] for one in changed["changes"]} == {"code", "schedule", "max workers", "tags"}
    assert said(lodging, "deployments", "describe", "DiffFlow")["version"] == made["version"]
    now = said(lodging, "deploy", file, "--max-workers", "7")
    assert (now["changes"], now["version"]) == (changed["changes"], changed["new_version"])
    assert refused(lodging, 2, "deployments", "diff", "DiffFlow", "gone.py")["code"] == "flow.missing"
    other = flow(lodging, "OtherFlow", file="other.py")
    assert refused(lodging, 6, "deployments", "diff", "DiffFlow", other)["code"] == "deployment.mismatch"


def test_delete_asks_and_heeds_the_production_token(lodging: Any) -> None:
    """Without a terminal --yes is needed; on one, no is no; somebody else needs the token; then it is gone."""
    token = deploy(lodging, "GoneFlow")["production_token"]
    error = refused(lodging, 2, "deployments", "delete", "GoneFlow")
    assert (error["code"], error["hint"]) == ("confirm", "confirm with --yes")
    error = refused(
        lodging,
        6,
        "deployments",
        "delete",
        "GoneFlow",
        "--yes",
        METAFLOW_USER="other",
        HOME="/nowhere",
        METAFLOW_HOME="/nowhere",
    )
    assert error["code"] == "token.wrong"
    words = [sys.executable, "-m", "mftctl", "deployments", "delete", "GoneFlow"]
    with pexpect.spawn(words[0], words[1:], env=lodging.env, cwd=lodging.folder, encoding="utf-8") as asked:
        asked.expect(r"Delete the deployment GoneFlow\? \[y/N\]", timeout=60)
        asked.sendline("n")
        asked.expect("nothing was changed")
        asked.expect(pexpect.EOF)
    assert asked.exitstatus == 1
    done = lodging.run(
        "deployments", "delete", "GoneFlow", "-y", "--authorize", token, "--quiet", METAFLOW_USER="other"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert refused(lodging, 4, "deployments", "describe", "GoneFlow")["code"] == "deployment.unknown"


def test_a_pause_keeps_its_reason(lodging: Any) -> None:
    """The reason is shown until the schedule goes on; pausing twice says so, and is a failure only with --strict."""
    deploy(lodging, "PausedFlow", '@schedule(cron="0 6 ? * MON-FRI *", timezone="Europe/Berlin")')
    before = said(lodging, "deployments", "describe", "PausedFlow")["deployed_at"]
    done = lodging.run("schedule", "pause", "PausedFlow", "--reason", "warehouse shut")
    assert (done.returncode, done.stdout) == (0, "")
    assert "PausedFlow is paused: warehouse shut" in done.stderr
    again = lodging.run("schedule", "pause", "PausedFlow", "--reason", "another")
    assert again.returncode == 0
    assert "is already paused: warehouse shut" in again.stderr
    assert refused(lodging, 6, "schedule", "pause", "PausedFlow", "--strict")["code"] == "schedule.unchanged"
    row = next(one for one in said(lodging, "schedule", "list") if one["deployment"] == "PausedFlow")
    assert (row["paused"], row["reason"], row["next_run"]) == (True, "warehouse shut", None)
    described = said(lodging, "deployments", "describe", "PausedFlow")
    assert (described["paused"], described["reason"]) == (True, "warehouse shut")
    assert described["deployed_at"] == before
    times = [
        datetime.fromisoformat(one["due"])
        for one in said(lodging, "schedule", "next", "PausedFlow", "-n", "7")
    ]
    assert len(times) == 7
    assert all(one.weekday() < 5 and one.hour in {4, 5} for one in times)
    done = lodging.run("schedule", "unpause", "PausedFlow")
    assert "is no longer paused" in done.stderr
    assert "was not paused" in lodging.run("schedule", "unpause", "PausedFlow").stderr
    assert said(lodging, "schedule", "describe", "PausedFlow")["next_runs"]
    assert lodging.run("schedule", "next", "PausedFlow", "-n", "1").stdout.count("\n") == 1


def test_a_schedule_is_triggered_and_filled_back(
    lodging: Any, server: str, wait_until: Callable[..., None]
) -> None:
    """`trigger` gives the run's id and leaves out what overlaps; `backfill` makes each missing run once, one after
    another; two deployments of a flow that are due at the same time have runs of their own.
    """
    deploy(lodging, "DueFlow", '@schedule(cron="0 6 * * ? *")')
    deploy(lodging, "DueFlow", '@schedule(cron="0 6 * * ? *")', "--name", "due-twin")
    lodging.worker("DueFlow", "due-twin")
    (lodging.folder / "hold").touch()
    first = said(lodging, "schedule", "trigger", "DueFlow")["run_id"]
    error = refused(lodging, 6, "schedule", "trigger", "DueFlow")
    assert error["code"] == "schedule.overlap"
    assert first in error["message"]
    assert said(lodging, "schedule", "describe", "DueFlow")["running"] == [first]
    (lodging.folder / "hold").unlink()
    wait_until(lambda: ended(server, first), "the triggered run has ended")
    days = ("--start", "2026-01-01", "--end", "2026-01-03")
    planned = said(lodging, "schedule", "backfill", "DueFlow", *days, "--dry-run")
    assert [one["due"] for one in planned["runs"]] == [f"2026-01-0{day}T06:00:00Z" for day in (1, 2, 3)]
    lodging.run("schedule", "backfill", "DueFlow", "--start", "2026-01-02T06:00", "--end", "2026-01-02T06:00")
    wait_until(lambda: ended(server, planned["runs"][1]["run_id"]), "the run of one moment has ended")
    filled = said(lodging, "schedule", "backfill", "DueFlow", *days)
    assert [one["new"] for one in filled["runs"]] == [True, False, True]
    for one in filled["runs"]:
        wait_until(lambda one=one: ended(server, one["run_id"]), "the runs of the past have ended")
    assert said(lodging, "schedule", "backfill", "DueFlow", *days)["started"] == 0
    twin = said(lodging, "schedule", "backfill", "due-twin", *days)
    assert twin["started"] == 3
    assert not {one["run_id"] for one in twin["runs"]} & {one["run_id"] for one in filled["runs"]}
    for one in twin["runs"]:
        wait_until(lambda one=one: ended(server, one["run_id"]), "the twin's runs have ended")


def ended(server: str, run_id: str) -> bool:
    """Whether the run is there and has completed; one that failed is an error."""
    from mftctl.control.runs import lookup
    from mftctl.model.errors import MftctlError

    async def status() -> str:
        client = await Client.connect(server)
        try:
            return (await lookup.describe(client, run_id)).status
        except MftctlError:
            return "running"

    now = asyncio.run(status())
    assert now in {"running", "completed"}, now
    return now == "completed"


def test_a_server_that_is_slow_is_given_up(lodging: Any) -> None:
    """`--timeout` is exit code 124."""
    for command in ("deployments list", "runs list", "runs logs temporal-some-run", "events list"):
        error = refused(lodging, 124, *command.split(), "--timeout", "1ms")
        assert error["code"] == "timeout"
