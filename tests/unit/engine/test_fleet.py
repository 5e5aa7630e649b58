"""Task queues, workers and what runs wait for, as a real server tells it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from standin import Engine, ended, hangs, linear, manifest, until
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import FixedSizeSlotSupplier, WorkerTuner

from mftctl import __version__
from mftctl.control import workers
from mftctl.control.queues_in_use import queues_in_use
from mftctl.control.runs import delays, stuck
from mftctl.control.runs.lookup import describe
from mftctl.control.runs.run import Run
from mftctl.control.task_queue_state import read_states
from mftctl.control.workers import Worker, list_workers
from mftctl.model.declaration import Declaration
from mftctl.model.manifest import Dispatch
from mftctl.model.resources import Resources
from mftctl.operations import queue_operations, selection, worker_operations
from mftctl.operations.command_options import Limited
from mftctl.operations.runs import held_runs
from mftctl.operations.runs.describe_run import describe_run
from mftctl.operations.runs.list_runs import listing
from mftctl.worker import service
from mftctl.worker.declaration_plugin import DeclarationPlugin
from mftctl.worker.observer import Observer
from mftctl.worker.slots import Slots
from mftctl.worker.worker_settings import Settings


async def test_a_backlog_is_counted(engine: Engine, as_server: Callable[[Any], None]) -> None:
    """Tasks of steps and of runs that no worker has taken; none is left when a worker has taken them."""
    as_server(queue_operations)
    queue = "fleet-backlog"
    for _ in range(2):
        await engine.start(manifest("Backlog", linear(), task_queue=queue))

    async def listed() -> Any:
        result = await queue_operations.list_(Limited())
        row = next((one for one in result.data or () if one.task_queue == queue), None)
        return row, result

    async def waiting(tasks: int, workflow_tasks: int, runs: int = 2) -> bool:
        row, _ = await listed()  # the server's list of runs may be behind
        return row is not None and (row.backlog, row.workflow_tasks, row.runs) == (
            tasks,
            workflow_tasks,
            runs,
        )

    await until(lambda: waiting(2, 2))
    async with engine.worker(task_queue=queue, activities=[]):
        await until(lambda: waiting(2, 0))  # the runs go on, and their first tasks wait
    handles = [(await engine.start(manifest("Backlog", linear(), task_queue=queue)))[1] for _ in range(3)]
    await until(lambda: waiting(5, 3, runs=5))
    row, result = await listed()
    assert (row.workers, row.runs, row.deployments) == (0, 5, ())
    assert row.oldest_seconds > 0
    assert row.added_per_minute > 0
    (note,) = [one for one in result.notes if queue in one]
    assert note.startswith("5 tasks wait for ")
    assert note.endswith(f"start one with: mftctl worker --queue {queue}")
    assert any(line.startswith(f"{queue}\t5\t") for line in result.text.splitlines())
    async with engine.worker(task_queue=queue, identity="another"):
        for handle in handles:
            assert (await ended(handle)).status == "completed"

        async def is_empty() -> bool:
            (state,) = await read_states(engine.client, [queue])
            return state.backlog is not None and state.backlog.tasks == 0

        await until(is_empty)
        assert [one.state for one in await _workers(engine.client, queue)] == ["running"]


async def test_task_queues_of_deployments_are_used_without_a_run(engine: Engine) -> None:
    """By name, with the deployments that share one; those of steps, too."""
    steps = linear(start={"dispatch": Dispatch(queue="fleet-steps")})
    given = [manifest(name, steps, task_queue="fleet-shared") for name in ("B", "A")]
    used = await queues_in_use(engine.client, given)
    for queue in ("fleet-shared", "fleet-steps"):
        assert (used[queue].deployments, used[queue].runs) == (["B", "A"], 0)


async def test_a_step_whose_task_queue_has_no_worker_waits(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run itself has one; the task queue of the step is named."""
    monkeypatch.setattr(delays, "MIN_WAIT", 0.0)
    steps = linear(start={"dispatch": Dispatch(queue="fleet-gpu")})
    _, handle = await engine.start(manifest("Gpu", steps))
    await until(lambda: _pending(handle))
    (delay,) = (await _examined(engine, handle.id)).delays
    assert (delay.reason, delay.task_queue, delay.tasks) == ("no_worker", "fleet-gpu", 1)
    await handle.terminate()


async def test_a_worker_tells_its_slots(engine: Engine, beating: Client) -> None:
    """How many it has, and how many have a task; and what its machine has."""
    queue, slots = "fleet-slots", Slots(3)
    others = FixedSizeSlotSupplier(5)
    tuner = WorkerTuner.create_composite(
        workflow_supplier=others,
        activity_supplier=slots,
        local_activity_supplier=others,
        nexus_supplier=others,
    )
    machine = Resources(4.0, 16384, 1)
    plugin = DeclarationPlugin(Declaration("1.2.3", slots.limit, 1.0, machine))
    more = {"tuner": tuner, "max_concurrent_activities": None, "identity": "mftctl@there:7"}
    async with Engine(beating, engine.standin).worker(task_queue=queue, plugins=[plugin], **more):
        script, handle = await engine.start(manifest("Slots", linear(), task_queue=queue), {"start": hangs})
        await script.began("start")
        await until(lambda: _has_slots(engine.client, queue, 1))
        (worker,) = await _workers(engine.client, queue)
        assert worker.machine == machine
        assert (worker.slots, worker.version, worker.process_id) == (3, "1.2.3", str(os.getpid()))
        row = worker_operations.row(worker)
        assert (row.slots_used, row.slots_free, row.task_queues) == (1, 2, (queue,))
        await handle.terminate()


async def test_a_worker_that_stops_is_gone(
    beating: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_server: Callable[[Any], None]
) -> None:
    """Until then it is listed with its version, its number of slots and the task queues that it serves."""
    as_server(worker_operations)
    monkeypatch.setattr(service, "HEARTBEAT", 1.0)
    monkeypatch.setattr(workers, "PAGE", 1)
    serving = service.Service(beating, Settings(tmp_path, 4), Observer())
    for queue in ("fleet-one", "fleet-two"):
        serving.serve(queue)
    for queue in ("fleet-one", "fleet-two"):
        await until(partial(_has_slots, beating, queue, 0))
    result = await worker_operations.list_(Limited(), ("fleet-one",))
    (row,) = result.data or ()
    assert (row.state, row.version, row.slots, row.slots_free) == ("running", __version__, 4, 4)
    assert row.task_queues == ("fleet-one", "fleet-two")
    assert row.identity == f"mftctl@{os.uname().nodename}:{os.getpid()}"
    assert row.started is not None
    assert f"{row.identity}\trunning\tfleet-one, fleet-two\t0/4\t-\t{__version__}\t" in result.text
    await serving.stop()
    await serving.close()
    result = await worker_operations.list_(Limited(), ("fleet-one",))
    assert result.data == []
    assert result.notes == ("there are no workers of fleet-one; start one with: mftctl worker --all",)


async def test_a_run_without_a_worker_waits(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, as_server: Callable[[Any], None]
) -> None:
    """Lists, `describe` and `doctor` name the task queue and say for how long, of the run itself and of its tasks."""
    monkeypatch.setattr(delays, "MIN_WAIT", 0.0)
    queue = "fleet-nobody"
    _, handle = await engine.start(manifest("Waits", linear(), task_queue=queue))
    (delay,) = (await _examined(engine, handle.id)).delays
    assert (delay.reason, delay.task_queue, delay.tasks) == ("no_worker", queue, 0)
    async with engine.worker(task_queue=queue, activities=[]):
        await until(lambda: _pending(handle))
        assert (await _examined(engine, handle.id)).delays == ()  # it has a worker
    run = await _examined(engine, handle.id)
    (delay,) = run.delays
    assert (run.status, delay.reason, delay.task_queue, delay.tasks) == ("running", "no_worker", queue, 1)
    result = listing([run], ())
    assert "\tWAITS FOR\n" in result.text
    assert f"\ta worker on {queue} (" in result.text
    (row,) = result.data or ()
    assert row.delays[0].message.startswith(f"waiting for a worker on task queue {queue} for ")
    (note,) = result.notes
    assert note.startswith(f"run {handle.id} has been waiting for a worker on task queue {queue} for ")
    as_server(selection)
    described = await describe_run(handle.id, None, Limited())
    assert f"\nwaits\twaiting for a worker on task queue {queue} for " in described.text
    (held,) = [one for one in await held_runs.held_runs(engine.client) if one.run_id == handle.id]
    assert (held.reason, held.hint) == ("no_worker", f"start one with: mftctl worker --queue {queue}")
    async with engine.worker(task_queue=queue):
        assert (await ended(handle)).status == "completed"
    assert (await _examined(engine, handle.id)).delays == ()


@pytest.fixture(scope="module")
def beating(engine: Engine, runner: Any) -> Client:
    """A client of the server whose workers send a heartbeat each second."""
    address = engine.client.service_client.config.target_host
    quiet = TelemetryConfig(logging=None)
    runtime = Runtime(telemetry=quiet, worker_heartbeat_interval=timedelta(seconds=1))
    return runner.run(Client.connect(address, runtime=runtime))


@pytest.fixture
def as_server(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Have a module's commands use the server."""

    async def opened(*_: Any) -> Client:
        return engine.client

    return lambda module: monkeypatch.setattr(module, "open_client", opened)


async def _workers(client: Client, queue: str) -> list[Worker]:
    found, heartbeats = await list_workers(client, await read_states(client, [queue]))
    assert heartbeats
    return [one for one in found if queue in one.task_queues]


async def _has_slots(client: Client, queue: str, used: int) -> bool:
    return [one.used for one in await _workers(client, queue)] == [used]


async def _examined(engine: Engine, run_id: str) -> Run:
    (run,) = await stuck.mark_stuck(engine.client, [await describe(engine.client, run_id)])
    return run


async def _pending(handle: Any) -> bool:
    return bool((await handle.describe()).raw_description.pending_activities)
