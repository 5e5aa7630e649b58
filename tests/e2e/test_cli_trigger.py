"""`mftctl trigger`: parameters, waiting, and how a run's end reaches a script."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

FLOW = """
import time
from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, current, step

class TriggerFlow(FlowSpec):
    alpha = Parameter("alpha", type=int, required=True)
    options = Parameter("options", type=JSONType, default="{}")
    day = Parameter("day", default=lambda context: "evaluated at deploy")
    data = IncludeFile("data", default=None)
    nap = Parameter("nap", type=float, default=0.0)

    @step
    def start(self):
        print("alpha is", self.alpha)
        time.sleep(self.nap)
        if self.alpha == 13:
            raise ValueError("unlucky")
        self.next(self.end)

    @step
    def end(self):
        self.found = (self.alpha, self.options, self.day, self.data)

if __name__ == "__main__":
    TriggerFlow()
"""
FOUND = """
import sys
from metaflow import Run, namespace
namespace(None)
run = Run("TriggerFlow/" + sys.argv[1])
print(run.successful, run.data.found, "nightly" in run.tags)
"""


@pytest.fixture(scope="module")
def triggered(lodging):
    """A home with two deployments of the flow: `served` has a worker, `idle` has none."""
    file = str(lodging.flow("trigger_flow.py", FLOW))
    for name in ("served", "idle"):
        done = lodging.run("deploy", file, "--name", f"trigger-{name}")
        assert done.returncode == 0, done.stderr
    lodging.worker("trigger-served")
    return lodging


def test_a_run_that_ends_well_is_exit_code_0(triggered) -> None:
    """With --wait, parameters of every kind arrive, the run id is in the file; in jsonl progress comes first."""
    (triggered.folder / "data.txt").write_text("contents")
    id_file = triggered.folder / "run.id"
    done = triggered.run(
        "trigger", "trigger-served", "alpha=3", 'options={"a": 1}', "data=data.txt", "nap=1", "--tag", "nightly",
        "--wait", "--run-id-file", str(id_file), "-o", "jsonl",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines[:2]] == ["run_starting", "run_started"]
    assert {"event", "run_id", "steps"} <= set(lines[2])
    data = lines[-1]
    assert (data["status"], data["deployment"]) == ("completed", "trigger-served")
    assert id_file.read_text().strip() == lines[0]["run_id"] == data["run_id"]
    found = triggered.command(sys.executable, "-c", FOUND, data["run_id"])
    assert found.stdout == "True (3, {'a': 1}, 'evaluated at deploy', 'contents') True\n", found.stderr


def test_a_run_that_fails_is_exit_code_3(triggered) -> None:
    """The failed step, its error and the last lines of its log are told, to people and to programs."""
    text = triggered.run("trigger", "trigger-served", "alpha=13", "--wait")
    assert text.returncode == 3
    assert "step start failed: ValueError: unlucky (" in text.stderr
    assert "    ValueError: unlucky" in text.stderr
    done = triggered.run("trigger", "trigger-served", "alpha=13", "--wait", "-o", "json")
    assert done.returncode == 3
    failure = json.loads(done.stdout)["failure"]
    assert (failure["step"], failure["task"], failure["attempt"]) == ("start", "temporal-start-0", 0)
    assert failure["log"][-1] == "ValueError: unlucky"
    assert json.loads(done.stderr)["error"]["code"] == "run.failed"


def test_waiting_has_a_limit(triggered) -> None:
    """Exit code 124 when --timeout has passed; the run goes on. Nobody serves it, and that is said."""
    done = triggered.run("trigger", "trigger-idle", "alpha=1", "--timeout", "1s")
    assert done.returncode == 124
    assert "it continues" in done.stderr
    assert "mftctl worker trigger-idle" in done.stderr


def test_the_same_id_is_the_same_run(triggered) -> None:
    """`--run-id` again starts no second run and says the first; another request with the id is exit code 6."""
    before = runs(triggered)
    run_id = "temporal-triggerflow-twice"
    words = ("trigger", "trigger-idle", "alpha=1", "--run-id", run_id, "-o", "json")
    first, again, other = (
        triggered.run(*words),
        triggered.run(*words),
        triggered.run(*words, "--tag", "other"),
    )
    assert first.returncode == 0, first.stderr
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert other.returncode == 6
    assert runs(triggered) - before == {run_id}


def runs(home) -> set[str]:
    """The runs of the deployment that nobody serves."""
    listed = home.run("runs", "list", "--deployment", "trigger-idle", "-o", "json")
    return {run["run_id"] for run in json.loads(listed.stdout)}


def test_what_cannot_be_starts_nothing(triggered) -> None:
    """A run id file that cannot be written, tags that Metaflow refuses, an id of another flow: exit code 2, no run."""
    before = runs(triggered)
    for words in (
        ("--run-id-file", "/nodir/x"),
        ("--tag", ""),
        ("--tag", "x" * 600),
        tuple(word for number in range(60) for word in ("--tag", f"t{number}")),
        ("--run-id", "mine"),
    ):
        assert triggered.run("trigger", "trigger-idle", "alpha=1", *words).returncode == 2, words
    assert runs(triggered) == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "alpha"),
        (["alpha=1", "options={"], "options"),
        (["alpha=1", "data=nowhere.txt"], "data"),
        (["alpha=1", "alpha=2"], "alpha"),
    ],
    ids=["missing", "no JSON", "no file", "twice"],
)
def test_a_bad_parameter_starts_nothing(triggered, words: list[str], named: str) -> None:
    """Exit code 2 and the parameter's name."""
    done = triggered.run("trigger", "trigger-idle", *words)
    assert done.returncode == 2
    assert not done.stdout
    assert f"'{named}'" in done.stderr


def test_an_unknown_deployment_is_exit_code_4(served) -> None:
    """In JSON too, and the hint says what there is."""
    assert served.run("trigger", "nobody").returncode == 4
    done = served.run("trigger", "nobody", "-o", "json")
    assert done.returncode == 4
    assert json.loads(done.stderr)["error"]["code"] == "deployment.unknown"


@pytest.mark.soak  # unit/console/test_process_exit.py: no process comes to interpreter shutdown
@pytest.mark.timeout(900)
def test_thirty_commands_under_load_exit_cleanly(served) -> None:
    """A process that used Temporal's SDK can crash in interpreter shutdown on a busy machine: ours do not."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        with ThreadPoolExecutor(3) as pool:
            codes = list(
                pool.map(lambda _: served.run("trigger", "nobody", timeout=300).returncode, range(30))
            )
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert codes == [4] * 30
