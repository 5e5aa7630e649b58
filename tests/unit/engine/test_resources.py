"""Tasks that need more than a slot: they wait in a task queue of their own, and only workers that have it take them."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from standin import Engine, ended, foreach, manifest, until
from temporalio.client import Client
from temporalio.worker import FixedSizeSlotSupplier, WorkerTuner

from mftctl.control import resource_schedules
from mftctl.control.pollers import has_worker
from mftctl.control.resource_queues import ResourceQueues
from mftctl.control.schedule_ids import ScheduleIds
from mftctl.model.codec import to_plain
from mftctl.model.manifest import Dispatch, Manifest
from mftctl.model.resources import NOTHING, Resources, base_of, queue_for
from mftctl.model.task import Outcome, TaskInput
from mftctl.worker.gpus import VARIABLE, Gpus
from mftctl.worker.metrics import Metrics
from mftctl.worker.observer import Observer
from mftctl.worker.service import Service
from mftctl.worker.slots import Slots
from mftctl.worker.task_activity import TaskActivity
from mftctl.worker.worker_settings import Settings


def needing(name: str, needs: Resources, **more: Any) -> Manifest:
    """A flow whose foreach has tasks with these needs."""
    given = manifest(name, foreach(("work",)), **more)
    steps = (
        replace(step, dispatch=Dispatch(needs=needs)) if step.name == "work" else step for step in given.steps
    )
    return replace(given, steps=tuple(steps))


async def test_what_deployments_need_is_known_to_workers_that_have_it(engine: Engine) -> None:
    """Each need once, however many deployments have it; a machine that is too small does not hear of it."""
    big, gpu = Resources(4.0, 16384), Resources(1.0, 4096, 1)
    queues = ResourceQueues(ScheduleIds(engine.client))
    for flow, needs in (("A", big), ("B", big), ("C", gpu)):
        await resource_schedules.make_known(engine.client, needing(flow, needs))
    served = {queue_for(engine.queue, needs) for needs in (big, gpu)}
    machine = Resources(8.0, 32000, 2)

    async def known() -> bool:
        return served <= await queues.current([engine.queue], machine)

    await until(known)
    small = await queues.current([engine.queue], Resources(8.0, 32000, 0))
    assert queue_for(engine.queue, gpu) not in small
    assert await queues.current(["another"], machine) == frozenset()


async def test_a_worker_that_has_what_tasks_need_is_seen(engine: Engine, tmp_path: Path) -> None:
    """By whoever asks whether a worker serves their task queue: `trigger`, `runs list` and `runs describe`."""
    queue = queue_for("seen", Resources(4.0, 16384))
    assert not await has_worker(engine.client, queue)
    target = engine.client.service_client.config.target_host
    settings = Settings(tmp_path, 4, machine=Resources(4.0, 16384))
    serving = Service(await Client.connect(target), settings, Observer())
    serving.serve(queue)
    try:
        await until(lambda: has_worker(engine.client, queue))
    finally:
        await serving.stop()
        await serving.close()


@dataclass
class Machine:
    """A worker with a machine; its tasks take a moment, and leave a note of what they took."""

    name: str
    has: Resources
    queues: tuple[str, ...]
    flows: dict[str, tuple[Manifest, int]]
    running: list[tuple[Resources, tuple[str, ...]]] = field(default_factory=list)
    most: Resources = NOTHING
    done: list[str] = field(default_factory=list)

    async def serve(self, engine: Engine, stack: AsyncExitStack) -> None:
        """Take tasks of the machine's task queues, as ``worker.service.Service`` does."""
        slots = Slots(16, self.has)
        # The SDK allows one worker of a task queue for each connection.
        target = engine.client.service_client.config.target_host
        own = Engine(await Client.connect(target), engine.standin)
        tuner = WorkerTuner.create_composite(
            workflow_supplier=FixedSizeSlotSupplier(10),
            activity_supplier=slots,
            local_activity_supplier=FixedSizeSlotSupplier(10),
            nexus_supplier=FixedSizeSlotSupplier(1),
        )
        heartbeats: Any = SimpleNamespace(began=lambda *_: None, ended=lambda *_: None)
        hosts: Any = SimpleNamespace(supervisor=self._supervisor)
        gpus = Gpus(tuple(f"{self.name}{number}" for number in range(self.has.gpu)))
        tasks = TaskActivity(hosts, slots, Observer(), heartbeats, Metrics(), None, gpus)
        needed = {one.graph["work"].dispatch.needs for one, _ in self.flows.values()}
        served = {
            queue_for(queue, needs) for queue in self.queues for needs in needed if needs.fits(self.has)
        }
        for queue in {*self.queues, *served}:
            more: dict[str, Any] = {"tuner": tuner, "max_concurrent_activities": None, "task_queue": queue}
            await stack.enter_async_context(
                own.worker(
                    activities=[tasks.run, own.standin.deliver],
                    identity=self.name,
                    **more,
                )
            )

    async def _supervisor(self, *_: object, **__: object) -> object:
        return SimpleNamespace(request=self._run)

    async def _run(self, _: str, fields: dict[str, Any], **__: object) -> dict[str, Any]:
        given = TaskInput.from_plain(fields["task"])
        made, width = self.flows[given.launch.flow]
        step = made.graph[given.task.ref.step]
        needs, gpus = (
            step.dispatch.needs or Resources(self.has.cpu / 16),
            tuple(filter(None, given.variables.get(VARIABLE, "").split(","))),
        )
        assert len(gpus) == needs.gpu
        assert not {gpu for _, taken in self.running for gpu in taken} & set(gpus)
        self.running.append((needs, gpus))
        total = sum((one for one, _ in self.running), NOTHING)
        both = zip(astuple(self.most), astuple(total), strict=True)
        self.most = Resources(*(max(pair) for pair in both))
        await asyncio.sleep(random.uniform(0.001, 0.02))  # noqa: S311 - a time, no secret
        self.running.remove((needs, gpus))
        self.done.append(given.launch.flow if step.name == "work" else "")
        outcome = Outcome(step.next, splits=width if step.type == "foreach" else None)
        return {"state": "succeeded", "outcome": to_plain(outcome), "artifacts": []}


@pytest.mark.parametrize("width", [12, pytest.param(120, marks=pytest.mark.soak)])
async def test_tasks_run_where_there_is_what_they_need(engine: Engine, width: int) -> None:
    """Over three task queues and five workers: none on a wrong machine, and no machine is given more than it has."""
    flows = {
        flow: (needing(flow, needs, task_queue=queue, max_workers=width), width)
        for flow, queue, needs in (
            ("Plain", "a", NOTHING),
            ("Big", "a", Resources(4.0, 8000)),
            ("Huge", "a", Resources(6.0, 32000)),
            ("Gpu", "b", Resources(1.0, 4096, 1)),
            ("Two", "b", Resources(2.0, 4096)),
            ("Small", "c", NOTHING),
        )
    }
    machines = [
        Machine("one", Resources(4.0, 16000), ("a",), flows),
        Machine("two", Resources(8.0, 64000), ("a", "c"), flows),
        Machine("three", Resources(4.0, 32000, 2), ("b",), flows),
        Machine("four", Resources(4.0, 32000), ("b",), flows),
        Machine("five", Resources(2.0, 8000), ("c",), flows),
    ]
    async with AsyncExitStack() as stack:
        for machine in machines:
            await machine.serve(engine, stack)
        handles = [(await engine.start(given))[1] for given, _ in flows.values()]
        for handle in handles:
            assert (await ended(handle)).status == "completed"
    for machine in machines:
        assert machine.most.fits(machine.has), machine
        for flow in filter(None, machine.done):
            given, _ = flows[flow]
            assert given.graph["work"].dispatch.needs.fits(machine.has)
            assert base_of(given.task_queue) in machine.queues
    for flow in flows:
        assert sum(machine.done.count(flow) for machine in machines) == width, flow
    assert "Huge" not in machines[0].done
    assert "Gpu" not in machines[3].done
