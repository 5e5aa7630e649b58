"""The engine without flows: a Temporal server, a worker with the real workflows, and a stand-in for their activities.

A test says what a task does by its label (``train[3]``) or its step; without a word it finishes and goes where its step
goes. What an activity gets and gives back is what ``worker.task_activity.TaskActivity`` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from mftctl.control.runs import outcome, start
from mftctl.engine.commands import DELIVER, START
from mftctl.engine.notification import POST, Notification
from mftctl.engine.payloads import RunInput
from mftctl.engine.workflow import FlowWorkflow
from mftctl.events import rules
from mftctl.events.listener import Listener
from mftctl.local.devserver import DYNAMIC
from mftctl.local.server_binary import download, installed
from mftctl.model import ids
from mftctl.model.codec import to_plain
from mftctl.model.event import Event
from mftctl.model.manifest import Launch, Manifest, Package, Step, Trigger
from mftctl.model.task import Outcome, TaskInput

QUEUE = "standin"
WORKFLOWS = (FlowWorkflow, Listener, Notification)
AT_ONCE = timedelta(milliseconds=1)
#: How often a task that waits tells the server that it lives, and hears of a cancellation.
BEAT = 0.05
#: Seconds after which something that should have happened never will.
TIMEOUT = 60.0
#: Statistics of task queues are those of the moment: by default a server renews them every 5 s.
FRESH = 'matching.TaskQueueInfoByBuildIdTTL="1ms"'


@dataclass(frozen=True)
class Call:
    """An attempt at a task, an exit hook (``hook``), or a notice (``notice``). ``queue``: where it waited."""

    name: str
    attempt: int = 0
    queue: str = ""
    task: TaskInput | None = None
    hook: str | None = None
    notice: dict[str, Any] | None = None


#: What a task does: it returns None (go on as the step says) or an Outcome, or raises.
Act = Callable[[Call], Awaitable[Outcome | None]]


@dataclass
class Script:
    """What the tasks of a run do, by label or step, and what they did. ``widths``: of the foreaches that steps open."""

    manifest: Manifest
    acts: dict[str, Act] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The attempts that began, in their order: labels of tasks, ``@`` and a hook's name, a notice's URL."""
        return [call.name for call in self.calls]

    async def began(self, name: str, times: int = 1) -> None:
        """Wait until as many attempts of that name have begun."""
        await until(lambda: self.names.count(name) >= times)

    def outcome(self, given: TaskInput) -> Outcome:
        """Where a task goes that says nothing: its step's way, and to the first case of a switch."""
        step = self.manifest.graph.get(given.task.ref.step)
        if step is None:  # a compensation
            return Outcome()
        if step.type == "foreach":
            return Outcome(step.next, splits=self.widths.get(step.name, 2))
        return Outcome(step.next[:1] if step.type == "split-switch" else step.next)


class Standin:
    """The activities of the worker, for runs with a script."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.triggers: dict[str, tuple[Trigger, ...]] = {}
        #: Deployments that no worker can read.
        self.broken: set[str] = set()
        self.delivered: list[dict[str, Any]] = []
        self.started: list[list[str]] = []

    @activity.defn(dynamic=True)
    async def run(self, args: Sequence[RawValue]) -> dict[str, Any]:
        """An attempt at a task, or a hook."""
        plain = activity.payload_converter().from_payload(args[0].payload, dict)
        script, attempt = self.scripts[plain["run_id"]], activity.info().attempt - 1
        queue = activity.info().task_queue
        if "hook" in plain:
            call = Call(f"@{plain['hook']}", attempt, queue, hook=plain["hook"])
        else:
            given = TaskInput.from_plain(plain)
            call = Call(given.task.label, attempt, queue, task=given)
        step = "" if call.task is None else call.task.task.ref.step
        act = script.acts.get(call.name) or script.acts.get(step)
        script.calls.append(call)
        beating = asyncio.create_task(_beat())
        try:
            said = await act(call) if act is not None else None
        finally:
            beating.cancel()
            script.ended.append(call.name)
        if call.task is None:
            return {"hook": call.hook, "ok": True, "output": []}
        ref = call.task.task.ref
        more, said = (said, None) if isinstance(said, dict) else ({}, said)
        return {
            "task": f"{script.manifest.flow}/{plain['run_id']}/{ref.step}/{ref.task_id}",
            "outcome": to_plain(said or script.outcome(call.task)),
            "artifacts": [],
            **more,
        }

    @activity.defn(name=POST)
    async def tell(self, given: dict[str, Any]) -> str:
        """A notice."""
        script = self.scripts[given["body"]["run_id"]]
        call = Call(given["url"], activity.info().attempt - 1, activity.info().task_queue, notice=given)
        script.calls.append(call)
        act = script.acts.get(given["url"])
        if act is not None:
            await act(call)
        return "200"

    @activity.defn(name=DELIVER)
    async def deliver(self, event: dict[str, Any]) -> list[str]:
        """A run has ended well."""
        self.delivered.append(event)
        return []

    @activity.defn(name=START)
    async def start(self, given: dict[str, Any]) -> dict[str, Any]:
        """Whether a run is due, as ``events.delivery.start_due`` says it of a deployment with these triggers."""
        if given["deployment"] in self.broken:
            raise ValueError("it is of a newer mftctl")
        triggers = self.triggers.get(given["deployment"])
        if triggers is None:
            return {"pending": [], "gone": True}
        pending = [Event.from_plain(one) for one in given["pending"]]
        due = rules.due(triggers, pending)
        if due:
            self.started.append([one.id for one in due])
        left = rules.still_wanted(triggers, [one for one in pending if one not in due])
        last = {"events": [one.id for one in due], "run_id": due[0].id} if due else {}
        return {"pending": [one.to_plain() for one in left], "last": last}


@dataclass
class Engine:
    """A server and a worker with a stand-in for the activities. ``start`` starts a run with a script."""

    client: Client
    standin: Standin = field(default_factory=Standin)
    queue: str = QUEUE

    async def start(
        self,
        manifest: Manifest,
        acts: dict[str, Act] | None = None,
        run_id: str | None = None,
        widths: dict[str, int] | None = None,
        **more: Any,
    ) -> tuple[Script, WorkflowHandle[Any, Any]]:
        """Start a run as `trigger` does; its script, and its workflow."""
        run_id = run_id or ids.new_run_id(manifest.flow)
        script = Script(manifest, acts or {}, widths or {})
        self.standin.scripts[run_id] = script
        await start.start_run(self.client, RunInput(manifest, run_id, **more))
        return script, self.client.get_workflow_handle(run_id)

    async def run(self, manifest: Manifest, *args: Any, **more: Any) -> tuple[Script, outcome.RunOutcome]:
        """Start a run and wait for its end."""
        script, handle = await self.start(manifest, *args, **more)
        return script, await ended(handle)

    @asynccontextmanager
    async def worker(self, **more: Any) -> AsyncIterator[Worker]:
        """Serve the queue for a while."""
        standin = self.standin
        options = {
            "task_queue": self.queue,
            "workflows": list(WORKFLOWS),
            "activities": [standin.run, standin.tell, standin.deliver, standin.start],
            "workflow_runner": UnsandboxedWorkflowRunner(),
            "max_concurrent_activities": 400,
            "max_heartbeat_throttle_interval": timedelta(seconds=BEAT),
            "default_heartbeat_throttle_interval": timedelta(seconds=BEAT),
            "build_id": "standin",
            **more,
        }
        async with Worker(self.client, **options) as worker:
            yield worker


@asynccontextmanager
async def server() -> AsyncIterator[Client]:
    """A Temporal server of its own, tuned as the embedded one is, and a client of it."""
    tuning = [word for value in (*DYNAMIC, FRESH) for word in ("--dynamic-config-value", value)]
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=installed() or download(),
        dev_server_log_level="error",
        dev_server_extra_args=tuning,
        dev_server_startup_timeout=timedelta(seconds=TIMEOUT),
    )
    try:
        # Not the environment's own client, whose workers end a workflow for an AssertionError.
        yield await Client.connect(environment.client.service_client.config.target_host)
    finally:
        await environment.shutdown()


async def ended(handle: WorkflowHandle[Any, Any]) -> outcome.RunOutcome:
    """How a run ends."""
    async with asyncio.timeout(TIMEOUT):
        return await outcome.wait_for_outcome(handle)


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so; a condition may be a coroutine function."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)


def manifest(flow: str, steps: Iterable[Step], **more: Any) -> Manifest:
    """A compiled flow with these steps, of a deployment of its name."""
    launch = Launch(
        flow=flow,
        file=f"{flow}.py",
        package=Package("0" * 40, "file:///code", "{}"),
        python="python3",
        metadata="local",
        datastore="local",
        datastore_root="/data",
        environment="local",
        event_logger="nullSidecarLogger",
        monitor="nullSidecarMonitor",
    )
    given = {"deployment": flow, "task_queue": QUEUE, "owner": "tester", **more}
    return Manifest(launch=launch, start="start", end="end", steps=tuple(steps), **given)


def linear(*names: str, **by_name: dict[str, Any]) -> tuple[Step, ...]:
    """Steps one after the other, between ``start`` and ``end``; ``by_name``: what a step has beside its name."""
    order = ("start", *names, "end")
    kinds = {"start": "start", "end": "end"}
    return tuple(
        Step(name, kinds.get(name, "linear"), order[index + 1 : index + 2], **by_name.get(name, {}))
        for index, name in enumerate(order)
    )


def foreach(body: tuple[str, ...] = ("work",), **by_name: dict[str, Any]) -> tuple[Step, ...]:
    """``start`` opens a foreach of the steps of ``body``, which ``join`` closes."""
    order = (*body, "join")
    inner = (
        Step(name, "linear", (order[index + 1],), **by_name.get(name, {})) for index, name in enumerate(body)
    )
    return (
        Step("start", "foreach", body[:1], join="join"),
        *inner,
        Step("join", "join", ("end",), split="start"),
        Step("end", "end"),
    )


def fails(message: str = "boom", times: int | None = None, delay: timedelta = AT_ONCE) -> Act:
    """Fail for good; with ``times``, only the first attempts fail, and others follow."""

    async def act(call: Call) -> None:
        if times is not None and call.attempt >= times:
            return
        ref = None if call.task is None else call.task.task.ref
        details = {
            "attempt": call.attempt,
            "message": f"step {call.name} failed: {message}",
            "log": [message],
        }
        if ref is not None:
            details |= {"step": ref.step, "task": ref.task_id}
        raise ApplicationError(
            f"step {call.name} failed: {message}",
            details,
            type="StepFailed",
            non_retryable=times is None,
            next_retry_delay=delay,
        )

    return act


def waits(event: asyncio.Event) -> Act:
    """Wait for the event, or until it is stopped."""

    async def act(_: Call) -> None:
        await event.wait()

    return act


def goes(*ways: Outcome) -> Act:
    """The outcomes in turn, the last again and again: of a switch, the cases that it takes."""
    left = list(ways)

    async def act(_: Call) -> Outcome:
        return left.pop(0) if len(left) > 1 else left[0]

    return act


async def hangs(_: Call) -> None:
    """Never end by itself."""
    await asyncio.Event().wait()


async def _beat() -> None:
    while True:
        await asyncio.sleep(BEAT)
        activity.heartbeat()
