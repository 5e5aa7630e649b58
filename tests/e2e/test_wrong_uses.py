"""The table of wrong uses: each has its exit code, its error in one line, and a hint, in text and in JSON.

Commands run inside this process, because a new one for each would take most of the time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from ports import free_port
from temporalio.client import Client
from wrong_uses import RUN, TABLE, Wrong

from mftctl.__main__ import run
from mftctl.control.connection.connect import connect
from mftctl.control.connection.endpoint import Endpoint
from mftctl.control.runs import start
from mftctl.events import registration
from mftctl.local.guardian import listens
from mftctl.model import manifest as manifests
from mftctl.operations import worker_file
from mftctl.operations.command_options import Connection

BROKEN_FLOW = """
from metaflow import FlowSpec, step

class F(FlowSpec):
    @step
    def start(self):
        self.next(self.nowhere)

if __name__ == "__main__":
    F()
"""


STEPS = (manifests.Step("start", "linear", ("end",)), manifests.Step("end", "end"))


@pytest.fixture(scope="module")
def place(server: str, lodging: Any) -> Iterator[dict[str, str]]:
    """Deployments, a run, files and profiles to be wrong about; the environment, and servers by name."""
    folder = lodging.folder
    (folder / "folder").mkdir()
    lodging.flow("flow.py", BROKEN_FLOW)
    lodging.flow("broken.py", BROKEN_FLOW)
    lodging.flow("noflow.py", "FLOW = None\n")
    worker_file.write(folder / "worker.py", "Plain", Connection(), None)
    lodging.flow("bad.toml", "[profiles.prod\n")
    lodging.flow("typed.toml", "[profiles.prod]\nmax_workers = 'many'\n")
    lodging.flow("key.toml", "[profiles.prod]\nadress = 'x:1'\n")
    lodging.flow("config.toml", "[profiles.prod]\naddress = 'x:1'\n")
    names = asyncio.run(make(server))
    with Refusing(folder) as refuser:
        yield {
            **lodging.env,
            "MFTCTL_CONFIG": "config.toml",
            "REFUSING": refuser,
            "FOLDER": str(folder),
        }
    asyncio.run(unmake(server, names))


async def make(server: str) -> list[str]:
    """Deployments without code: nothing of this table gets as far as to need it."""
    client = await connect(Endpoint(server, "default"))  # which waits until the server is ready
    plain = manifest_of("Plain", parameters=(manifests.Parameter("alpha", "int", required=True),))
    daily = manifest_of("Daily", schedule=manifests.Schedule("0/5 * * * ? *"))
    foreign = manifest_of("Foreign", schedule=manifests.Schedule("0 6 * * ? *"), owner="somebody")
    made = [plain, daily, foreign, manifest_of("a.b.Twin"), manifest_of("a.c.Twin"), manifest_of("a.b.Only")]
    for one in made:
        await registration.deploy(client, dataclasses.replace(one, token="token-" + one.deployment))
    await start.start_private_run(client, plain, {"alpha": "1"}, run_id=RUN, before=lambda: None)
    await client.get_workflow_handle(RUN).terminate()
    return [one.deployment for one in made]


async def unmake(server: str, names: list[str]) -> None:
    client = await Client.connect(server)
    for name in names:
        await client.get_schedule_handle(f"mftctl.{name}").delete()


def manifest_of(name: str, **more: Any) -> manifests.Manifest:
    package = manifests.Package("sha", "url", "{}")
    launch = manifests.Launch(
        "PlainFlow", "plain.py", package, sys.executable, "local", "local", "/d", "local", "null", "null"
    )
    return manifests.Manifest(
        name, launch, "start", "end", STEPS, f"mftctl.{name}", more.pop("owner", "tester"), **more
    )


class Refusing:
    """A server that refuses every call, as Temporal refuses a key that has expired; its address."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        refusal = 'header Content-Type application/grpc\nheader grpc-status 16\nheader grpc-message "key has expired"\n'
        self._file = folder / "Caddyfile"
        self._file.write_text(
            "{\nadmin off\npersist_config off\nservers {\nprotocols h1 h2c\n}\n}\n"
            f'http://:{self._port} {{\nbind 127.0.0.1\n{refusal}respond "" 200\n}}\n'
        )

    def __enter__(self) -> str:
        caddy = Path(sys.executable).with_name("caddy")
        self._process = subprocess.Popen(
            [caddy, "run", "--config", self._file],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"HOME": str(self._folder), "PATH": ""},
        )
        while not listens(self._port):
            assert self._process.poll() is None, "caddy has ended"
            time.sleep(0.01)
        return f"127.0.0.1:{self._port}"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture
def call(
    place: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process: exit code, stdout and stderr."""
    monkeypatch.chdir(place["FOLDER"])
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdin", None)

    def called(words: list[str], variables: tuple[tuple[str, str], ...] = ()) -> tuple[int, str, str]:
        for name, value in variables:
            monkeypatch.setenv(name, value)
        code = run([place.get(word, word) for word in words])
        said = capfd.readouterr()
        return code, said.out, said.err

    return called


@pytest.mark.parametrize("wrong", TABLE, ids=lambda wrong: f"{wrong.words} {wrong.code}")
def test_a_wrong_use_is_told_so(call: Any, place: dict[str, str], wrong: Wrong) -> None:
    """Nothing on stdout; on stderr one line and a hint, or one JSON object that says the same; the exit code."""
    words = wrong.words.split()
    code, out, error = call(words, wrong.env)
    assert (code, out) == (wrong.exit, ""), error
    told = [line for line in error.splitlines() if not line.startswith("mftctl: compiling")]
    assert told[0].startswith("mftctl: ")
    assert place.get(wrong.message, wrong.message) in told[0]
    assert len(told) == 1 + bool(told[1:]), error
    assert bool(told[1:]) == bool(wrong.hint), error
    if wrong.hint:
        assert told[1].startswith("hint: ")
        assert wrong.hint in told[1]
    if not has_output(words) or "xml" in words:
        return
    code, out, error = call([*words, "-o", "json"], wrong.env)
    said = json.loads(error)["error"]
    assert (code, out, said["exit_code"], said["code"]) == (wrong.exit, "", wrong.exit, wrong.code)
    assert wrong.hint in said["hint"]


def has_output(words: list[str]) -> bool:
    """Whether the command takes -o."""
    return words[0] not in {"worker", "dev", "completion", "schema", "help", "deplyo"} and words[:2] != [
        "runs",
        "resumee",
    ]


def test_a_server_that_goes_away_in_the_middle(call: Any, server: str) -> None:
    """Who has been connected is told that the server does not answer any more."""
    host, _, port = server.partition(":")
    with Cut(host, int(port)) as between:
        code, out, error = call(["deployments", "list", "--address", between.address, "-o", "json"])
    told = json.loads(error)["error"]
    assert (code, out, told["code"]) == (5, "", "temporal.unreachable")
    assert "no longer answers" in told["message"]


class Cut:
    """A way to a server that is cut once so many bytes have come back: the connection is made, and no more."""

    MOST = 3000

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(30)

    def _serve(self) -> None:
        near, _ = self._listener.accept()
        self._listener.close()
        with near, socket.create_connection(self._to) as far:
            there = threading.Thread(target=self._pass, args=(near, far, None))
            there.start()
            self._pass(far, near, self.MOST)
            near.shutdown(socket.SHUT_RDWR)
            far.shutdown(socket.SHUT_RDWR)
            there.join(30)

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket, most: int | None) -> None:
        passed = 0
        try:
            while (data := source.recv(4096)) and (most is None or passed + len(data) < most):
                target.sendall(data)
                passed += len(data)
        except OSError:
            return
