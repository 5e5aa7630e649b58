"""What scripts, pipes, odd terminals and odd locales do to commands that list and describe."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pexpect
import pytest
from temporalio.client import Client

from mftctl.control.connection.connect import connect
from mftctl.control.connection.endpoint import Endpoint
from mftctl.events import registration
from mftctl.model import manifest as manifests

NAMES = ("script-one", "script-two.Uberfluss", "script-three")
REASON = "Wartung: Größe geändert, 倉庫"


@pytest.fixture(scope="module")
def known(server: str, lodging: Any) -> Iterator[Any]:
    """A home whose server has deployments with schedules; nothing here needs their code."""

    async def make() -> None:
        client = await connect(Endpoint(server, "default"))  # which waits until the server is ready
        package = manifests.Package("sha", "url", "{}")
        launch = manifests.Launch(
            "F", "f.py", package, "python", "local", "local", "/d", "local", "null", "null"
        )
        for name in NAMES:
            schedule = manifests.Schedule("0 6 * * ? *")
            steps = (manifests.Step("start", "start", ("end",)), manifests.Step("end", "end"))
            one = manifests.Manifest(name, launch, "start", "end", steps, name, "tester", schedule=schedule)
            await registration.deploy(client, one)

    async def unmake() -> None:
        client = await Client.connect(server)
        for name in NAMES:
            await client.get_schedule_handle(f"mftctl.{name}").delete()

    asyncio.run(make())
    yield lodging
    asyncio.run(unmake())


def shell(home: Any, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash with `set -euo pipefail`, in which `mftctl` is the command under test."""
    program = f'mftctl() {{ "{sys.executable}" -m mftctl "$@"; }}\n'
    done: subprocess.CompletedProcess[str] = home.command(
        "bash", "-euo", "pipefail", "-c", program + script, **env
    )
    return done


def test_pipes_and_closed_streams(known: Any) -> None:
    """A reader that goes away, and streams that are closed from the start, are no errors; who would ask does not."""
    done = shell(known, "mftctl deployments list -o jsonl | head -1; mftctl help profiles | head -1")
    assert (done.returncode, done.stderr) == (0, "")
    first, topic = done.stdout.splitlines()
    assert json.loads(first)["deployment"]
    assert topic == "# Profiles and connections"
    done = shell(
        known,
        "mftctl schedule list >&- <&- && mftctl schedule list 2>&- -o name",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.splitlines()) >= set(NAMES)
    done = shell(known, "mftctl deployments delete script-one <&-")
    assert (done.returncode, "confirm with --yes" in done.stderr) == (2, True)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk(known: Any) -> None:
    """Output that cannot be written is exit code 1, and an error in an object (in a line: `test_cli_help.py`)."""
    done = shell(known, "mftctl deployments list -q -o json > /dev/full")
    assert done.returncode == 1
    assert "No space left" in json.loads(done.stderr)["error"]["message"]
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (40, ("deployments", "list")),
        (200, ("deployments", "list")),
        (40, ("schedule", "describe", "script-one")),
        (40, ("deploy", "--help")),
    ],
    ids=["narrow", "wide", "one", "help"],
)
def test_terminals(known: Any, width: int, words: tuple[str, ...]) -> None:
    """On a narrow and a wide terminal each name is whole; with NO_COLOR nothing but text and line ends is written."""
    env = {**known.env, "NO_COLOR": "1", "TERM": "xterm-256color"}
    with pexpect.spawn(
        sys.executable,
        ["-m", "mftctl", *words],
        env=env,
        cwd=known.folder,
        encoding="utf-8",
        dimensions=(24, width),
        timeout=60,
    ) as terminal:
        terminal.expect(pexpect.EOF)
        written = terminal.before
    assert terminal.exitstatus == 0, written
    assert "\x1b" not in written
    assert words[0] == "deploy" or "script-one" in written
    if words[-1] == "--help":
        assert max(map(len, written.splitlines())) <= width


def test_any_locale(known: Any) -> None:
    """In a locale of C, names and reasons that are not ASCII are taken, kept and written as they are."""
    env = {"LC_ALL": "C", "PYTHONIOENCODING": ""}
    done = known.run("schedule", "pause", "script-two.Uberfluss", "--reason", REASON, **env)
    assert done.returncode == 0, done.stderr
    assert REASON in done.stderr
    done = known.run("schedule", "describe", "Uberfluss", "-o", "json", **env)
    assert json.loads(done.stdout)["reason"] == REASON
    ascii_ = known.run("schedule", "describe", "Uberfluss", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert (ascii_.returncode, "\\u5009" in ascii_.stdout) == (0, True)


def test_quiet_says_nothing_but_the_result(known: Any) -> None:
    """Without it the list also says whom nobody serves."""
    loud = known.run("deployments", "list", "-o", "text")
    quiet = known.run("deployments", "list", "--quiet")
    assert "no worker serves script-one" in loud.stderr
    assert (quiet.stdout, quiet.stderr) == (loud.stdout, "")
    assert not re.search(r"\x1b", loud.stdout)
