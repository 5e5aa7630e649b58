"""Runs in flight survive this build: what earlier builds recorded replays to the same commands."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import replaying
from scenarios import SCENARIOS
from temporalio import workflow

from mftctl.engine.driver import Driver
from mftctl.events import listener

ROOT = Path(__file__).resolve().parents[3]
FILES = replaying.recorded()
#: Bytes of those that are replayed once more in a process of their own.
SMALL = 60_000


def _name(file: Path) -> str:
    return f"{file.parent.name}/{file.name.removesuffix('.json.gz')}"


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_recorded_runs_replay(file: Path) -> None:
    """Runs that an earlier build began, finished or open, make the same commands with this one."""
    told = replaying.differences(replaying.histories(file))
    assert not told, "\n".join((*told, replaying.ADVICE))


def test_recorded_runs_replay_under_another_hash_seed() -> None:
    """No command's order comes from the order of a set or a hash: other workers hash otherwise."""
    small = [str(file) for file in FILES if file.stat().st_size < SMALL]
    done = subprocess.run(
        [sys.executable, replaying.__file__, *small],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{replaying.ADVICE}"


def test_every_scenario_is_recorded() -> None:
    """A shape of a run that is not among the recorded ones guards nothing: `./just record-histories`."""
    assert {file.name.removesuffix(".json.gz") for file in FILES} == set(SCENARIOS)


def test_an_added_command_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The replay is no formality: one more note in a run's memo is a difference."""
    note = Driver.note

    def noting(self: Driver, error: BaseException | None = None) -> None:
        note(self, error)
        workflow.upsert_memo({"more": True})

    monkeypatch.setattr(Driver, "note", noting)
    assert _differ("linear")


def test_another_order_of_tasks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is the other order of two branches."""
    add = Driver._add
    monkeypatch.setattr(Driver, "_add", lambda self, items: add(self, items[::-1]))
    assert _differ("branches")


def test_another_question_of_a_listener_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is another local activity of a listener."""
    monkeypatch.setattr(listener, "START", "@another")
    assert _differ("listener")


def _differ(scenario: str) -> list[str]:
    found = [file for file in FILES if file.name == f"{scenario}.json.gz"]
    return replaying.differences([one for file in found for one in replaying.histories(file)])


def test_each_patch_is_documented() -> None:
    """With the release that brought it: without that nobody knows when its old branch can go."""
    page = (ROOT / "docs" / "how-to" / "upgrades.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `([\w-]+)` \| [0-9a-z.]+ \|", page, re.MULTILINE))
    found = set()
    for file in [*(ROOT / "mftctl" / "engine").glob("*.py"), *(ROOT / "mftctl" / "events").glob("*.py")]:
        names = re.findall(r"workflow\.patched\((\w+)\)", file.read_text("utf-8"))
        module = importlib.import_module(f"mftctl.{file.parent.name}.{file.stem}") if names else None
        found |= {getattr(module, name) for name in names}
    assert found == documented
