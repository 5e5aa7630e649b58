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


@pytest.fixture
def deployed(served, request: pytest.FixtureRequest):
    """A home with a deployment, named after the test so that others do not serve it."""
    name = f"t{abs(hash(request.node.nodeid)):x}"
    done = served.run("deploy", str(served.flow("trigger_flow.py", FLOW)), "--name", name)
    assert done.returncode == 0, done.stderr
    return served, name


def test_a_run_that_ends_well_is_exit_code_0(deployed) -> None:
    """With --wait, parameters of every kind arrive, and the run id is in the file."""
    home, name = deployed
    home.worker(name)
    (home.folder / "data.txt").write_text("contents")
    id_file = home.folder / "run.id"
    done = home.run(
        "trigger", name, "alpha=3", 'options={"a": 1}', "data=data.txt", "--tag", "nightly",
        "--wait", "--run-id-file", str(id_file), "-o", "json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert (data["status"], data["deployment"]) == ("completed", name)
    assert id_file.read_text().strip() == data["run_id"]
    found = home.command(sys.executable, "-c", FOUND, data["run_id"])
    assert found.stdout == "True (3, {'a': 1}, 'evaluated at deploy', 'contents') True\n", found.stderr


def test_a_run_that_fails_is_exit_code_3(deployed) -> None:
    """The failed step, its error and the last lines of its log are told, to people and to programs."""
    home, name = deployed
    home.worker(name)
    text = home.run("trigger", name, "alpha=13", "--wait")
    assert text.returncode == 3
    assert "step start failed: ValueError: unlucky (" in text.stderr
    assert "    ValueError: unlucky" in text.stderr
    done = home.run("trigger", name, "alpha=13", "--wait", "-o", "json")
    assert done.returncode == 3
    failure = json.loads(done.stdout)["failure"]
    assert (failure["step"], failure["task"], failure["attempt"]) == ("start", "temporal-start-0", 0)
    assert failure["log"][-1] == "ValueError: unlucky"
    assert json.loads(done.stderr)["error"]["code"] == "run.failed"


def test_waiting_has_a_limit(deployed) -> None:
    """Exit code 124 when --timeout has passed; the run goes on. Nobody serves it, and that is said."""
    home, name = deployed
    done = home.run("trigger", name, "alpha=1", "--timeout", "1s")
    assert done.returncode == 124
    assert "goes on" in done.stderr
    assert f"mftctl worker {name}" in done.stderr


def test_the_same_id_is_the_same_run(deployed) -> None:
    """`--run-id` again starts no second run and says the first; another request with the id is exit code 6."""
    home, name = deployed
    words = ("trigger", name, "alpha=1", "--run-id", f"temporal-triggerflow-{name}", "-o", "json")
    first, again, other = home.run(*words), home.run(*words), home.run(*words, "--tag", "other")
    assert first.returncode == 0, first.stderr
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert other.returncode == 6
    listed = json.loads(home.run("runs", "list", "--deployment", name, "-o", "json").stdout)
    assert [run["run_id"] for run in listed] == [f"temporal-triggerflow-{name}"]


def test_what_cannot_be_starts_nothing(deployed) -> None:
    """A run id file that cannot be written, tags that Metaflow refuses, an id of another flow: exit code 2, no run."""
    home, name = deployed
    for words in (
        ("--run-id-file", "/nodir/x"),
        ("--tag", ""),
        ("--tag", "x" * 600),
        tuple(word for number in range(60) for word in ("--tag", f"t{number}")),
        ("--run-id", "mine"),
    ):
        assert home.run("trigger", name, "alpha=1", *words).returncode == 2, words
    assert json.loads(home.run("runs", "list", "--deployment", name, "-o", "json").stdout) == []


def test_jsonl_is_a_line_an_event(deployed) -> None:
    """Progress while waiting, and the result last."""
    home, name = deployed
    home.worker(name)
    done = home.run("trigger", name, "alpha=1", "nap=2", "--wait", "-o", "jsonl")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines[:2]] == ["run_starting", "run_started"]
    assert lines[0]["run_id"] == lines[-1]["run_id"]
    assert {"event", "run_id", "steps"} <= set(lines[2])
    assert lines[-1]["status"] == "completed"
    assert not done.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["alpah=1"], "alpah"),
        ([], "alpha"),
        (["alpha=many"], "alpha"),
        (["alpha=1", "options={"], "options"),
        (["alpha=1", "data=nowhere.txt"], "data"),
        (["alpha"], "alpha"),
        (["alpha=1", "alpha=2"], "alpha"),
    ],
    ids=["unknown", "missing", "no number", "no JSON", "no file", "no value", "twice"],
)
def test_a_bad_parameter_starts_nothing(deployed, words: list[str], named: str) -> None:
    """Exit code 2 and the parameter's name."""
    home, name = deployed
    done = home.run("trigger", name, *words)
    assert done.returncode == 2
    assert not done.stdout
    assert f"'{named}'" in done.stderr


def test_an_unknown_deployment_is_exit_code_4(served) -> None:
    """In JSON too, and the hint says what there is."""
    assert served.run("trigger", "nobody").returncode == 4
    done = served.run("trigger", "nobody", "-o", "json")
    assert done.returncode == 4
    assert json.loads(done.stderr)["error"]["code"] == "deployment.unknown"


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
