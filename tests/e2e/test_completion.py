"""Completion in real shells."""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from collections.abc import Iterator
from typing import Any

import pexpect
import pytest
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleSpec

from mftctl.control.connection.connect import connect
from mftctl.control.connection.endpoint import Endpoint

#: How each is started: without anybody's own settings, and with a prompt to wait for.
SHELLS = {
    "bash": ("bash", ["--norc", "--noprofile"], "PS1='> '; bind 'set enable-bracketed-paste off'"),
    "zsh": ("zsh", ["-f"], "PS1='> '; autoload -Uz compinit; compinit -u; unsetopt zle_bracketed_paste"),
    "fish": (
        "fish",
        ["--no-config"],
        "function fish_prompt; printf '> '; end; set -g fish_autosuggestion_enabled 0",
    ),
}
TAB = "\t"
#: What is typed, and what stands there after a Tab.
TYPED = (
    ("mftctl sched", "mftctl schedule "),
    ("mftctl schedule unp", "mftctl schedule unpause "),
    ("mftctl worker --concurrency 2 Typ", "mftctl worker --concurrency 2 TypedFlow "),
    ("mftctl runs pause temporal-ty", "mftctl runs pause temporal-typed-abc "),
    (
        "mftctl deploy typed.py --schedule-overlap buf",
        "mftctl deploy typed.py --schedule-overlap buffer-one ",
    ),
    ("mftctl run ty", "mftctl run typed.py "),
    ("mftctl trigger x --prof", "mftctl trigger x --profile "),
    ("mftctl trigger x --profile pro", "mftctl trigger x --profile prod "),
    ("mftctl trigger x --profile=pro", "mftctl trigger x --profile=prod"),
    ("mftctl help exit", "mftctl help exit-codes "),
)


@pytest.fixture(scope="module")
def known(server: str, lodging: Any, wait_until: Any) -> Iterator[Any]:
    """A home with a file and a profile, and a server that knows a deployment and a run, by name only."""
    lodging.flow("typed.py", "")
    assert lodging.run("profile", "set", "prod", f"address={server}").returncode == 0

    async def make() -> None:
        client = await connect(Endpoint(server, "default"))  # which waits until the server is ready
        action = ScheduleActionStartWorkflow("None", id="none", task_queue="nobody")
        await client.create_schedule("mftctl.TypedFlow", Schedule(action=action, spec=ScheduleSpec()))
        await client.start_workflow("TypedFlow", id="temporal-typed-abc", task_queue="nobody")

    async def unmake() -> None:
        client = await Client.connect(server)
        await client.get_schedule_handle("mftctl.TypedFlow").delete()
        await client.get_workflow_handle("temporal-typed-abc").terminate()

    asyncio.run(make())
    # A busy machine is no slow server.
    lodging.env["MFTCTL_COMPLETION_TIMEOUT"] = "30"
    for kind, name in (("runs", "temporal-typed"), ("deployments", "TypedFlow")):
        wait_until(
            lambda kind=kind, name=name: name in lodging.run("__complete", kind, "").stdout, "it is listed"
        )
    yield lodging
    asyncio.run(unmake())


@pytest.mark.parametrize("shell", SHELLS)
def test_words_are_completed(known: Any, shell: str) -> None:
    """Commands, options, choices, files, profiles, and names that the server knows, in bash, zsh and fish."""
    program, arguments, settings = SHELLS[shell]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    env = {**known.env, "TERM": "dumb" if shell == "bash" else "xterm", "LC_ALL": "C.UTF-8"}
    script = known.run("completion", shell)
    assert (script.returncode, script.stderr) == (0, "")
    (known.folder / "completion").write_text(script.stdout)
    with pexpect.spawn(
        program, arguments, env=env, cwd=known.folder, encoding="utf-8", dimensions=(50, 150), timeout=60
    ) as terminal:
        terminal.sendline(settings)
        terminal.sendline("source completion; echo rea''dy")
        terminal.expect("ready")
        for typed, wanted in TYPED:
            # The line is made an argument of printf, which says what it is in the end.
            terminal.send(typed + TAB)
            rest = wanted[len(typed) :]
            terminal.expect_exact(rest.rstrip() or " ")
            terminal.send("\x15")
        terminal.sendline("exit")
        terminal.expect(pexpect.EOF)


def test_a_silent_server_keeps_nobody_waiting(known: Any) -> None:
    """Of a server that takes connections and says nothing there are no names, and no error, after 300 ms."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        words = ("deployments", "", "--", "trigger", "--address", where)
        done = known.run("__complete", *words, MFTCTL_COMPLETION_TIMEOUT="")
        took = time.monotonic() - began
    began = time.monotonic()
    known.run("__complete", "deployments", "Typ")
    usual = time.monotonic() - began
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert took < 0.3 + 5 * usual


def test_nothing_wrong_is_said_for_a_tab(known: Any) -> None:
    """A profile that is not there, an unknown kind or a broken file give no names, and no error."""
    broken = known.folder / "broken.toml"
    broken.write_text("[profiles")
    for words in (("deployments", "", "--", "--profile", "gone"), ("cheese", ""), ()):
        done = known.run("__complete", *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = known.run("__complete", "profiles", "", MFTCTL_CONFIG=str(broken))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
