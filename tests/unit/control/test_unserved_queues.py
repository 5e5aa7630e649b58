"""In which task queues tasks wait though no worker serves them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from mftctl.control import deployments, unserved_queues, worker_versioning
from mftctl.control.pollers import Polling
from mftctl.control.task_queue_state import Backlog, TaskQueueState


def unserved(
    monkeypatch: pytest.MonkeyPatch,
    runs: dict[str, str],
    served: set[str],
    waiting: dict[str, int],
    version: str = "",
) -> dict[str, int]:
    """What is found with open ``runs``, task queue by deployment; each deployment has a step queue, NAME-steps.

    ``served``: task queues, and QUEUE@VERSION for those with workers of a version. ``version``: that of all runs, whose
    workers have served q and A-steps.
    """

    async def listed(*_: Any, **__: Any) -> list[Any]:
        return [
            SimpleNamespace(deployment=name, task_queue=queue, worker_version=version)
            for name, queue in runs.items()
        ]

    async def deployed(_: Any, names: list[str]) -> dict[str, Any]:
        assert names == sorted(runs)
        steps = [SimpleNamespace(step_queues={f"{name}-steps": ["fit"]}) for name in names]
        found = {name: deployments.Deployment.__new__(deployments.Deployment) for name in names}
        for one, manifest in zip(found.values(), steps, strict=True):
            object.__setattr__(one, "manifest", manifest)
        return found

    async def of_version(_: Any, name: str) -> frozenset[str]:
        assert name == version
        return frozenset({"q", "A-steps"})

    async def polled(_: Any, queue: str, of: str) -> Polling:
        return Polling(lacking=() if (f"{queue}@{of}" if of else queue) in served else (of,))

    async def states(_: Any, names: list[str]) -> list[TaskQueueState]:
        tasks = [waiting.get(name, 0) for name in names]
        backlogs = [(Backlog(0, 0, 0, 0), Backlog(count, 1, 0, 0)) for count in tasks]
        return [TaskQueueState(name, *both, ()) for name, both in zip(names, backlogs, strict=True)]

    monkeypatch.setattr(unserved_queues.lookup, "list_runs", listed)
    monkeypatch.setattr(unserved_queues.deployments, "describe_many", deployed)
    monkeypatch.setattr(worker_versioning, "task_queues_of", of_version)
    monkeypatch.setattr(unserved_queues, "find_pollers", polled)
    monkeypatch.setattr(unserved_queues, "read_states", states)
    client: Any = None
    return {one.task_queue: one.tasks for one in asyncio.run(unserved_queues.find_unserved(client))}


def test_a_queue_of_an_open_run_where_tasks_wait_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the run or of one of its steps; not one that has a worker, has no task, or is of no open run."""
    waiting = {"A-steps": 3, "B-steps": 4, "idle-steps": 5, "q": 6}
    assert unserved(monkeypatch, {"A": "q", "B": "q"}, {"B-steps"}, waiting) == {"q": 6, "A-steps": 3}
    assert unserved(monkeypatch, {"A": "q"}, {"q"}, waiting) == {"A-steps": 3}
    assert unserved(monkeypatch, {"A": "q"}, {"q"}, {}) == {}
    assert unserved(monkeypatch, {}, set(), waiting) == {}


def test_all_task_queues_are_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the runs that have waited for longest are the last."""
    runs = {f"D{number}": f"q{number}" for number in range(150)}
    served = {queue for name, queue in runs.items() if name != "D149"} | {f"{name}-steps" for name in runs}
    assert unserved(monkeypatch, runs, served, {"q149": 7}) == {"q149": 7}


def test_a_run_that_stays_on_a_version_wants_a_worker_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that version serves the task queue: a step's own may be served by workers of any."""
    waiting = {"A-steps": 3, "B-steps": 4, "q": 6}
    others = {"q", "A-steps", "B-steps"}
    found = unserved(monkeypatch, {"A": "q", "B": "q"}, others, waiting, "w:v1")
    assert found == {"q": 6, "A-steps": 3}
    assert unserved(monkeypatch, {"A": "q"}, {*others, "q@w:v1", "A-steps@w:v1"}, waiting, "w:v1") == {}
