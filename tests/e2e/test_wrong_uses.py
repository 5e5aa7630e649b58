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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from temporalio.client import Client

from mftctl.__main__ import run
from mftctl.control.connection.connect import connect
from mftctl.control.connection.endpoint import Endpoint
from mftctl.control.runs import start
from mftctl.events import registration
from mftctl.model import manifest as manifests

NOBODY = "127.0.0.1:1"
RUN = "temporal-plainflow-wronguses"
BROKEN_FLOW = """
from metaflow import FlowSpec, step

class F(FlowSpec):
    @step
    def start(self):
        self.next(self.nowhere)

if __name__ == "__main__":
    F()
"""


@dataclass(frozen=True)
class Wrong:
    """A wrong use: the arguments, exit code, error code, and words of the message and of the hint."""

    words: str
    exit: int
    code: str
    message: str
    hint: str
    env: tuple[tuple[str, str], ...] = ()


def env(**variables: str) -> tuple[tuple[str, str], ...]:
    return tuple(variables.items())


TABLE = [
    # what is not understood
    Wrong("deplyo x", 2, "usage", "deplyo", "mftctl --help"),
    Wrong("runs resumee x", 2, "usage", "resumee", "mftctl runs --help"),
    Wrong("trigger", 2, "usage", "NAME", "mftctl trigger --help"),
    Wrong("deploy flow.py --bogus", 2, "usage", "--bogus", "mftctl deploy --help"),
    Wrong("trigger Plain --alpha 1", 2, "usage", "--alpha", "name=value"),
    Wrong("trigger Plain -o xml", 2, "usage", "xml", "mftctl trigger --help"),
    Wrong("deploy flow.py --max-workers many", 2, "usage", "many", "mftctl deploy --help"),
    Wrong("deploy flow.py --max-workers 0", 2, "usage", "1 or more", "leave it out"),
    Wrong("deploy flow.py --priority 9", 2, "usage", "9", "leave it out"),
    Wrong("run flow.py --task-queue q", 2, "usage", "--task-queue", "mftctl run --help"),
    Wrong("deploy flow.py --workflow-timeout soon", 2, "usage", "'soon' is not a duration", "15m"),
    Wrong("deploy flow.py --catchup-window 3x", 2, "usage", "--catchup-window", "15m"),
    Wrong("deploy flow.py --schedule-overlap twice", 2, "usage", "twice", "mftctl deploy --help"),
    Wrong("deploy flow.py --notify-url ftp://x", 2, "usage", "ftp://x", "https://"),
    Wrong(f"deploy flow.py --tag {'x' * 501}", 2, "tag.invalid", "too long", "--tag"),
    Wrong("deploy flow.py --config only-a-name", 2, "usage", "--config", "mftctl deploy --help"),
    Wrong("deploy flow.py --python no-such-python", 2, "python.missing", "no-such-python", "--python"),
    Wrong("worker", 2, "usage", "--all", "mftctl worker --help"),
    Wrong("worker x --queue q", 2, "usage", "together", "mftctl worker --help"),
    Wrong("worker --all --queue q", 2, "usage", "together", "mftctl worker --help"),
    Wrong("worker --queue=", 2, "usage", "--queue: ''", "name a task queue"),
    Wrong("runs describe Flow/", 4, "run.unknown", "there is no run 'Flow/'", "mftctl runs list"),
    Wrong("worker --queue=/_sys/q", 2, "usage", "Temporal's own", "name a task queue"),
    Wrong("deploy flow.py --task-queue=/_sys/q", 2, "usage", "'/_sys/q' is not the name", "the default"),
    Wrong("worker x --isolation thread", 2, "usage", "thread", "fork"),
    Wrong("worker x --concurrency 0", 2, "usage", "--concurrency", "core"),
    Wrong("dev --port http", 2, "usage", "http", "mftctl dev --help"),
    Wrong("completion tcsh", 2, "usage", "tcsh", "mftctl completion --help"),
    Wrong("schema schedule.lst", 4, "schema.unknown", "schedule.lst", "schedule.list"),
    Wrong("help tea", 4, "topic.unknown", "tea", "exit-codes"),
    Wrong("schedule next Daily -n 0", 2, "usage", "0", "5"),
    Wrong("schedule backfill Daily --start 2026-01-01", 2, "usage", "--end", "--help"),
    Wrong("schedule backfill Daily --start May --end June", 2, "usage", "'May' is not a time", "2026-01-31"),
    Wrong("schedule backfill Daily --start 2026-02-01 --end 2026-01-01", 2, "usage", "before", "swap"),
    Wrong(
        "schedule backfill Daily --start 2020-01-01 --end 2026-01-01", 2, "schedule.many", "1000", "shorter"
    ),
    Wrong("events publish x --id=", 2, "usage", "--id", "leave it out"),
    Wrong("events publish a/b", 2, "event.name", "a/b", "letters"),
    Wrong("trigger Plain alpha", 2, "parameter.invalid", "'alpha' is not a parameter", "name=value"),
    Wrong("trigger Plain --timeout never", 2, "usage", "--timeout", "15m"),
    # files
    Wrong("deploy gone.py", 2, "flow.missing", "gone.py: no such file", "Python file"),
    Wrong("run folder", 2, "flow.missing", "folder: is a folder", "Python file"),
    Wrong("deploy noflow.py", 2, "flow.none", "noflow.py", "FlowSpec"),
    Wrong("deploy broken.py", 2, "flow.invalid", "no outgoing transitions", ""),
    Wrong("worker noflow.py", 2, "workerfile", "noflow.py", "--output"),
    Wrong("deployments diff Plain", 2, "flow.missing", "plain.py", "mftctl deployments diff Plain FLOW.py"),
    # settings
    Wrong("profile set p adress=x", 2, "usage", "adress", "address"),
    Wrong("profile set p max_workers=many", 2, "usage", "max_workers", ""),
    Wrong("profile set p address=nonsense", 2, "temporal.address", "'nonsense'", "HOST:PORT"),
    Wrong("profile set p address", 2, "usage", "has no value", "key=value"),
    Wrong("profile unset p", 2, "usage", "name keys", "--help"),
    Wrong("profile use nobody", 2, "profile.unknown", "nobody", "prod"),
    Wrong("deployments list --profile prdo", 2, "profile.unknown", "prdo", "'prod'"),
    Wrong("deployments list", 2, "profile.unknown", "MFTCTL_PROFILE", "'prod'", env(MFTCTL_PROFILE="porod")),
    Wrong("deployments list", 2, "profile.file", "bad.toml", "brackets", env(MFTCTL_CONFIG="bad.toml")),
    Wrong(
        "deployments list --profile prod",
        2,
        "profile.type",
        "typed.toml:2",
        "",
        env(MFTCTL_CONFIG="typed.toml"),
    ),
    Wrong(
        "deployments list --profile prod",
        2,
        "profile.key",
        "key.toml:2",
        "address",
        env(MFTCTL_CONFIG="key.toml"),
    ),
    Wrong(
        "profile set p tls=true",
        1,
        "profile.write",
        "/sys/",
        "MFTCTL_CONFIG",
        env(MFTCTL_CONFIG="/sys/mftctl/config.toml"),
    ),
    Wrong("deploy flow.py", 2, "variable", "MFTCTL_MAX_WORKERS", "", env(MFTCTL_MAX_WORKERS="x")),
    # the server
    Wrong(f"trigger Plain --address {NOBODY}", 5, "temporal.unreachable", NOBODY, "mftctl dev"),
    Wrong("trigger Plain --address no.host.invalid:7233", 5, "temporal.dns", "no.host.invalid", "spelling"),
    Wrong(
        "trigger Plain --address REFUSING",
        5,
        "temporal.refused",
        "REFUSING",
        "key",
        env(TEMPORAL_API_KEY="expired", TEMPORAL_TLS="false"),
    ),
    Wrong("deployments list --temporal-namespace gone", 5, "temporal.namespace", "gone", "namespace create"),
    Wrong("schedule list --timeout 1ms", 124, "timeout", "not done after", ""),
    # what is not there, or not one
    Wrong("trigger Nobody", 4, "deployment.unknown", "'Nobody'", "existing deployments: "),
    Wrong(
        "deployments describe Twin", 4, "deployment.ambiguous", "'Twin' is ambiguous", "a.b.Twin or a.c.Twin"
    ),
    Wrong("deployments delete Nobody --yes", 4, "deployment.unknown", "'Nobody'", "existing deployments: "),
    Wrong("schedule pause Nobody", 4, "deployment.unknown", "'Nobody'", "existing deployments: "),
    Wrong("runs pause temporal-none", 4, "run.unknown", "temporal-none", "mftctl runs list"),
    Wrong("runs resume none", 4, "run.unknown", "none", "mftctl runs list"),
    Wrong("events describe never", 4, "event.unknown", "never", "mftctl events list"),
    # what cannot be done to it
    Wrong("trigger Plain beta=1", 2, "parameter.invalid", "beta", "alpha"),
    Wrong("trigger Plain alpha=one", 2, "parameter.invalid", "alpha", "whole number"),
    Wrong("trigger Plain", 2, "parameter.invalid", "alpha", "alpha=VALUE"),
    Wrong("schedule pause Plain", 6, "schedule.none", "Plain has no schedule", "mftctl trigger Plain"),
    Wrong("schedule unpause Daily --strict", 6, "schedule.unchanged", "was not paused", ""),
    Wrong("schedule pause Foreign", 6, "token.wrong", "somebody", "--authorize"),
    Wrong("deployments delete Foreign --yes", 6, "token.wrong", "somebody", "--authorize"),
    Wrong("deployments delete Plain", 2, "confirm", "Plain", "--yes"),
    Wrong(f"runs pause {RUN}", 6, "run.over", "terminated", ""),
]


STEPS = (manifests.Step("start", "linear", ("end",)), manifests.Step("end", "end"))


@pytest.fixture(scope="module")
def place(server: str, lodging: Any) -> Iterator[dict[str, str]]:
    """Deployments, a run, files and profiles to be wrong about; the environment, and servers by name."""
    folder = lodging.folder
    (folder / "folder").mkdir()
    lodging.flow("flow.py", BROKEN_FLOW)
    lodging.flow("broken.py", BROKEN_FLOW)
    lodging.flow("noflow.py", "FLOW = None\n")
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
    made = [plain, daily, foreign, manifest_of("a.b.Twin"), manifest_of("a.c.Twin")]
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
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        refusal = 'header Content-Type application/grpc\nheader grpc-status 16\nheader grpc-message "key has expired"\n'
        self._file = folder / "Caddyfile"
        self._file.write_text(
            f"{{\nadmin off\nservers {{\nprotocols h1 h2c\n}}\n}}\nhttp://:{self._port} {{\n{refusal}"
            'respond "" 200\n}\n'
        )

    def __enter__(self) -> str:
        caddy = Path(sys.executable).with_name("caddy")
        self._process = subprocess.Popen(
            [caddy, "run", "--config", self._file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(1000):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self._port)) == 0:
                    break
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
