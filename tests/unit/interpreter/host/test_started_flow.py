"""Tasks that share the start of Metaflow's command line: they see what a task with a whole command line sees."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from supervising import launch

from mftctl.interpreter.inside.attempt.run_store import RunStore
from mftctl.interpreter.inside.package_cache import note_files, package_folder
from mftctl.model.manifest import Launch
from mftctl.model.task import Input, Task, TaskInput, TaskRef
from mftctl.worker.host_pool import HostPool
from mftctl.worker.worker_settings import Settings

FLOW = """
import os, signal, sys, traceback
from metaflow import FlowSpec, Parameter, catch, current, project, resources, retry, step, timeout
from metaflow.plugins.retry_decorator import RetryDecorator
{imports}
print("imported")
began, initialise = [], RetryDecorator.step_init
def step_init(*given, **named):
    began.append(os.getpid())
    return initialise(*given, **named)
RetryDecorator.step_init = step_init
def seen(flow):
    def inner():
        raise ValueError("kept")
    try:
        inner()
    except ValueError as error:
        text, context = traceback.format_exc(), error.__context__
    return {{
        "stack": traceback.format_stack(), "argv": sys.argv[1:], "error": text, "context": str(context),
        "handling": str(sys.exc_info()), "current": [current.flow_name, current.step_name, current.retry_count,
        current.project_name, current.is_running_flow], "signals": str([signal.getsignal(one) for one in (2, 15, 17)]),
        "open": sorted(os.listdir("/proc/self/fd")), "alpha": flow.alpha, "pid": os.getpgid(0) == os.getpid(),
    }}
{decorators}
@project(name="started")
class F(FlowSpec):
    alpha = Parameter("alpha", default=3)
    @step
    def start(self):
        self.next(self.end)
    @retry
    @timeout(seconds=50)
    @resources(cpu=1)
    @catch(var="caught")
    @step
    def end(self):
        print("ran", file=sys.stderr)
        self.seen = seen(self)
        self.began_itself = os.getpid() in began
if __name__ == "__main__":
    F()
"""


#: Tasks that a supervisor runs one after the other: none spoils anything for the next.
TURNS = (0, 1)
#: The run whose supervisor is plain, and the one whose supervisor is a started one.
RUNS = ("first", "second")


def given(wanted: Launch, run: str, step: str, turn: int = 0) -> dict[str, Any]:
    """A request for an attempt at a task of one of the two steps of a run."""
    inputs = () if step == "start" else (Input(TaskRef("start")),)
    return {
        "task": TaskInput(wanted, run, Task(TaskRef(step, iteration=turn), inputs)).to_plain(),
        "live": False,
    }


def served(
    tmp_path: Path, wanted: Launch, text: str, test: Callable[[HostPool], Awaitable[list[dict[str, Any]]]]
) -> list[dict[str, Any]]:
    """Run an async test with hosts for a flow's text."""
    file = tmp_path / "f.py"
    file.write_text(text)
    unpacked = Path(package_folder(str(tmp_path / "cache"), wanted.package))
    unpacked.mkdir(parents=True)
    note_files(str(unpacked))

    async def whole() -> list[dict[str, Any]]:
        hosts = HostPool(Settings(tmp_path / "cache", 1, source=str(file)), print)
        try:
            return await test(hosts)
        finally:
            await hosts.close()

    return asyncio.run(whole())


def runs(tmp_path: Path, wanted: Launch, text: str) -> list[dict[str, Any]]:
    """Make two runs: the last task of the first in a plain supervisor, of the second in a started one; how they end."""

    async def test(hosts: HostPool) -> list[dict[str, Any]]:
        ends = []
        for started in (False, True):
            run = RUNS[started]
            plain = await hosts.supervisor(wanted)
            ends.append(await plain.request("run", given(wanted, run, "start")))
            found = await hosts.supervisor(wanted, started=started)
            tasks = [given(wanted, run, "end", turn) for turn in TURNS]
            ends += [await found.request("run", task) for task in tasks]
        return ends

    return served(tmp_path, wanted, text, test)


@pytest.fixture
def wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """How the flow's tasks start, without sidecars."""
    monkeypatch.setenv("METAFLOW_USER", "tester")
    quiet = {"event_logger": "nullSidecarLogger", "monitor": "nullSidecarMonitor"}
    return replace(launch(tmp_path / "store"), **quiet)


def test_a_task_sees_what_it_sees_with_a_command_line_of_its_own(tmp_path: Path, wanted: Launch) -> None:
    """Stack, arguments, exceptions, signal handlers and descriptors, `current` and parameters; and its log."""
    text = FLOW.format(imports="", decorators="")
    ends = runs(tmp_path, wanted, text)
    assert [end["state"] for end in ends] == ["succeeded"] * 6, ends
    plain, started = ([_result(wanted, run, turn) for turn in TURNS] for run in RUNS)
    assert [one["began_itself"] for one in (*plain, *started)] == [True, True, False, False]
    for turn in TURNS:
        for name, value in plain[turn]["seen"].items():
            assert str(started[turn]["seen"][name]).replace(*reversed(RUNS)) == str(value), name
        assert [_log(one[turn], "stderr").count("ran") for one in (plain, started)] == [1, 1]


MUTATOR = """
class Noted(FlowMutator):
    def mutate(self, mutable_flow):
        print("mutated")
@Noted
"""


def test_what_a_flow_does_itself_is_done_in_each_task(tmp_path: Path, wanted: Launch) -> None:
    """Code of the flow's own that runs before the step: a mutator. Each task's log has what it prints."""
    text = FLOW.format(imports="from metaflow import FlowMutator", decorators=MUTATOR)
    runs(tmp_path, wanted, text)
    logs = [_log(_result(wanted, run, turn), "stdout") for run in RUNS for turn in TURNS]
    assert [log.count("mutated") for log in logs] == [1] * 4, logs


def test_a_command_line_that_cannot_start_fails_each_task(tmp_path: Path, wanted: Launch) -> None:
    """Metaflow's message is in the log of each task, as it is where each has a command line of its own."""
    refused = replace(wanted, options=("--no-such-option",))

    async def test(hosts: HostPool) -> list[dict[str, Any]]:
        found = await hosts.supervisor(refused, started=True)
        return [await found.request("run", given(refused, f"r{number}", "end")) for number in range(2)]

    for end in served(tmp_path, wanted, FLOW.format(imports="", decorators=""), test):
        assert end["state"] == "failed"
        assert "no such option: --no-such-option" in "".join(end["log"])


def _result(wanted: Launch, run: str, turn: int) -> Any:
    return RunStore(wanted, run)._read(TaskRef("end", iteration=turn))


def _log(result: Any, stream: str) -> str:
    ((_, found),) = result.load_logs(["runtime"], stream)
    return found.decode()
