"""`mftctl dev`: a server and its UI for as long as somebody needs them."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from mftctl.local import guardian

FLOW = """
from metaflow import FlowSpec, step

class DevFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    DevFlow()
"""


@pytest.fixture
def dev(home):
    """A running `mftctl dev`: its process, and the address and the UI that it prints."""
    process = home.start("dev", "--port", "0", "--ui-port", "0")
    words = dict(process.stdout.readline().rstrip("\n").split("\t") for _ in range(3))
    return process, words


def test_it_shows_where_it_is_and_ctrl_c_stops_it(home, dev, wait_until) -> None:
    """Server, UI and history file; the UI answers, and commands find it; Ctrl-C is how one stops it: exit code 0.

    Lists of a server with nothing are `[]`, in jsonl and for names nothing, and for people a word on stderr.
    """
    process, words = dev
    with urllib.request.urlopen(words["UI"], timeout=60) as page:  # noqa: S310 - http
        assert page.status == 200
    for listed in (("deployments", "list"), ("schedule", "list"), ("events", "list"), ("profile", "list")):
        done = home.run(*listed, "-o", "json")
        assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, [], "")
    for form in ("jsonl", "name", "text"):
        done = home.run("deployments", "list", "-o", form)
        assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "mftctl: there are no deployments\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    wait_until(lambda: not home.left_running(), "the server is gone")


def test_a_second_one_shares_the_first_and_all_commands_find_it(home, dev, wait_until) -> None:
    """The same server, which stays until both are gone; another port for it is refused. No command needs an address,
    and when the last one is killed, the server goes.
    """
    first, words = dev
    second = home.start("dev")
    assert second.stdout.readline().rstrip("\n").split("\t")[1] == words["Temporal server"]
    assert home.run("dev", "--port", "1").returncode == 6
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 0
    home.flow("dev_flow.py", FLOW)
    assert home.run("deploy", "dev_flow.py").returncode == 0
    home.worker("DevFlow")
    worker = home.processes[-1]
    done = home.run("trigger", "DevFlow", "--wait")
    assert done.returncode == 0, done.stderr
    worker.terminate()
    assert worker.wait(60) == 0
    done = home.run("run", "dev_flow.py")
    assert done.returncode == 0
    assert words["Temporal server"] in done.stderr
    second.kill()
    wait_until(lambda: not home.left_running(), "the server is gone")


def test_it_shows_the_runs_of_before(home, wait_until) -> None:
    """What `mftctl run` did on its own server is in the history; its result in JSON is all that it said.

    The UI answers from the moment that `mftctl dev` prints its address.
    """
    home.flow("dev_flow.py", FLOW)
    done = home.run("run", "dev_flow.py", "-o", "json")
    assert (json.loads(done.stdout)["status"], done.stderr) == ("completed", "")
    run_id = json.loads(done.stdout)["run_id"]
    process = home.start("dev", "--port", "0", "--ui-port", "0")
    ui = [process.stdout.readline() for _ in range(3)][1].split("\t")[1].strip()
    url = f"{ui}/api/v1/namespaces/default/workflows?query=WorkflowId%3D%22{run_id}%22"

    def listed() -> bool:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - http
            found = json.load(answer).get("executions", [])
        return [one["status"] for one in found] == ["WORKFLOW_EXECUTION_STATUS_COMPLETED"]

    wait_until(listed, "the run is in the history, as completed")


def test_a_port_that_is_taken_is_a_clear_line(home) -> None:
    """Exit code 6, the port, and how to take another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = home.run("dev", "--port", str(port))
    assert done.returncode == 6
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr


def servers(home) -> set[int]:
    """The processes of the home's embedded server."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            mine = f"MFTCTL_TEST_HOME={home.env['HOME']}\0".encode() in (entry / "environ").read_bytes()
            if mine and b"start-dev" in (entry / "cmdline").read_bytes().split(b"\0"):
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def test_it_says_when_its_server_has_died(home, dev, wait_until) -> None:
    """The server is started again at its address; after a few times, exit code 1 rather than to wait for ever."""
    process, where = dev
    for _ in range(guardian.RESTARTS):
        before = servers(home)
        for number in before:
            os.kill(number, signal.SIGKILL)
        wait_until(lambda before=before: servers(home) - before, "it is started again")
        address = ("--address", where["Temporal server"])
        wait_until(
            lambda address=address: home.run("deployments", "list", *address).returncode == 0, "it answers"
        )
    for number in servers(home):
        os.kill(number, signal.SIGKILL)
    assert process.wait(60) == 1
