"""`mftctl deploy`: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json
import signal
import sys

import pytest

FLOW = """
from metaflow import FlowSpec, Parameter, step

class DeployFlow(FlowSpec):
    alpha = Parameter("alpha", type=float, default=0.1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    DeployFlow()
"""
OTHER = """
class OtherFlow(DeployFlow):
    pass

if __name__ == "__main__":
    OtherFlow()

"""


def test_a_deployment_has_a_version_and_tells_its_changes(served) -> None:
    """First new, then unchanged, then with what differs and the version before.

    Text says how to go on, on stderr.
    """
    file = served.flow("deploy_flow.py", FLOW)
    first = json.loads(served.run("deploy", str(file), "--name", "changing", "-o", "json").stdout)
    assert first["schema_version"] == 1
    assert (first["deployment"], first["flow"], first["previous_version"]) == ("changing", "DeployFlow", None)
    again = json.loads(served.run("deploy", str(file), "--name", "changing", "-o", "json").stdout)
    assert (again["version"], again["previous_version"], again["changes"]) == (
        first["version"],
        first["version"],
        [],
    )
    text = served.run("deploy", str(file), "--name", "changing", "--tag", "team:ml")
    assert "tags changed: [] -> [team:ml]" in text.stdout
    assert "mftctl trigger changing" in text.stderr
    file.write_text(FLOW.replace("0.1", "0.2").replace("type=float", "type=float, required=True"))
    options = ("--name", "changing", "--tag", "team:ml", "--max-workers", "3")
    third = json.loads(served.run("deploy", str(file), *options, "-o", "json").stdout)
    assert third["previous_version"] not in {None, first["version"], third["version"]}
    changed = {change["what"]: change for change in third["changes"]}
    assert set(changed) == {"code", "max workers"}
    assert (changed["max workers"]["before"], changed["max workers"]["after"]) == (100, 3)


def test_the_worker_file_serves_and_triggers(served) -> None:
    """`python FILE` is a worker of the deployment, and `python FILE trigger` starts a run; it has about ten lines."""
    file = served.flow("deploy_flow.py", FLOW)
    written = served.folder / "serve.py"
    done = served.run("deploy", str(file), "--name", "filed", "--output", str(written))
    assert done.returncode == 0
    assert len(written.read_text().splitlines()) < 15
    log = served.worker(str(written))
    assert "filed" in log.read_text()
    triggered = served.command(sys.executable, str(written), "trigger", "alpha=0.5", "--wait", "-o", "json")
    assert triggered.returncode == 0, triggered.stderr
    assert json.loads(triggered.stdout)["deployment"] == "filed"


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("x = 1\n", 2, "no flow"),
        (
            FLOW.replace("if __name__", OTHER + "if __name__"),
            2,
            "several",
        ),
        (FLOW.replace("self.next(self.end)", "pass"), 2, "start"),
        (FLOW.replace("    @step", '    beta = Parameter("ALPHA")\n\n    @step', 1), 2, "twice"),
    ],
    ids=["no flow", "several flows", "no next", "names that differ in case"],
)
def test_a_file_that_cannot_be_deployed_leaves_nothing_behind(
    served, source: str, code: int, words: str
) -> None:
    """One clear line, the exit code, and no half-made deployment."""
    file = served.flow("bad_flow.py", source)
    done = served.run("deploy", str(file), "--name", "half-made")
    assert done.returncode == code, done.stderr
    assert not done.stdout
    (said,) = [
        line for line in done.stderr.splitlines() if line.startswith("mftctl: ") and "compiling" not in line
    ]
    assert words in said
    assert served.run("trigger", "half-made").returncode == 4


@pytest.mark.parametrize("command", ["deploy", "run"])
def test_a_compilation_is_left_at_once(served, wait_until, command: str) -> None:
    """Ctrl-C ends the flow's interpreter however long its module takes, without its traceback; so does --timeout."""
    began = served.folder / f"{command}.began"
    waits = "import subprocess\nwaiting = subprocess.Popen(['sleep', '601'])\n"
    served.flow("slow.py", f"{waits}open({str(began)!r}, 'w').close()\nwaiting.wait()\n")
    log = served.folder / f"{command}.log"
    process = served.start(command, "slow.py", log=log)
    wait_until(began.exists, "the module is being run")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert "Traceback" not in log.read_text()

    def left() -> bool:
        return any("boot.py compile" in words or "sleep 601" in words for _, words in served.running())

    wait_until(lambda: not left(), "what was killed is gone")
    if command == "deploy":
        done = served.run(command, "slow.py", "--timeout", "1s", timeout=20)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (124, "mftctl: not done after 1.0s")


def test_no_server_is_said_before_anything_is_compiled(home) -> None:
    """Exit code 5, the address, and what to do."""
    file = home.flow("deploy_flow.py", FLOW)
    done = home.run("deploy", str(file), "--address", "127.0.0.1:9")
    assert done.returncode == 5
    assert "127.0.0.1:9" in done.stderr
    assert "mftctl dev" in done.stderr
    assert "compiling" not in done.stderr
