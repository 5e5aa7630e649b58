"""Versions of workers, by what the server answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.enums.v1 import RoutingConfigUpdateState
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueResponse,
    DescribeWorkerDeploymentResponse,
    DescribeWorkerDeploymentVersionResponse,
)
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control import version_drain, worker_versioning
from mftctl.model.errors import ConflictError, MftctlError
from mftctl.model.worker_version import WorkerVersion

OLD = WorkerVersion("mftctl", "v1")
DRAINING = 4
SPREADING = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS


def asked(answer: Callable[[], DescribeWorkerDeploymentResponse], counts: Iterator[int] | None = None) -> Any:
    """A client of a server that describes a worker deployment so, and counts so many runs one after another."""

    async def described(_: object, **__: object) -> DescribeWorkerDeploymentResponse:
        return answer()

    async def counted(_: str) -> SimpleNamespace:
        return SimpleNamespace(count=next(counts or iter(())))

    service = SimpleNamespace(describe_worker_deployment=described)
    return SimpleNamespace(namespace="default", workflow_service=service, count_workflows=counted)


def draining(spreads: Iterator[bool]) -> Callable[[], DescribeWorkerDeploymentResponse]:
    """The server's answers about a version that takes no new run; not all task queues may follow yet."""

    def answer() -> DescribeWorkerDeploymentResponse:
        made = DescribeWorkerDeploymentResponse()
        made.worker_deployment_info.name = OLD.name
        # Of another program.
        made.worker_deployment_info.version_summaries.add().deployment_version.build_id = "it's another"
        one = made.worker_deployment_info.version_summaries.add(status=DRAINING)
        one.deployment_version.build_id = OLD.build
        if next(spreads):
            made.worker_deployment_info.routing_config_update_state = SPREADING
        return made

    return answer


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (RPCStatusCode.UNIMPLEMENTED, "unknown method DescribeWorkerDeployment"),
        (RPCStatusCode.PERMISSION_DENIED, "Worker Deployment Versions are disabled on this namespace."),
    ],
)
def test_a_server_without_worker_versioning_is_told_of(status: RPCStatusCode, message: str) -> None:
    """One that is too old, and one where it is switched off; a missing permission is another error."""

    def refuse() -> DescribeWorkerDeploymentResponse:
        raise RPCError(message, status, b"")

    with pytest.raises(MftctlError, match="this Temporal server has no worker versioning") as refused:
        asyncio.run(worker_versioning.status_of(asked(refuse), OLD))
    assert "SIGTERM" in refused.value.hint

    def deny() -> DescribeWorkerDeploymentResponse:
        raise RPCError("not allowed", RPCStatusCode.PERMISSION_DENIED, b"")

    with pytest.raises(RPCError):
        asyncio.run(worker_versioning.status_of(asked(deny), OLD))


def test_a_version_of_another_program_is_left_out() -> None:
    """Its name may be one that no query could hold."""
    client = asked(draining(iter([False, False])), iter([3]))
    found = asyncio.run(worker_versioning.read_version(client, OLD))
    assert (found.version, found.status, found.runs) == (OLD, "draining", 3)


def test_a_version_is_drained_when_no_run_is_left_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once all task queues follow the promotion: until then, runs may still begin on it."""
    monkeypatch.setattr(version_drain, "INTERVAL", 0)

    async def told(spreads: list[bool], counts: list[int]) -> list[int]:
        client = asked(draining(iter(spreads)), iter(counts))
        return [runs async for runs in version_drain.drained(client, OLD, lines.append)]

    lines: list[str] = []
    assert asyncio.run(told([False] * 5, [2, 2, 1, 0, 0])) == [2, 1, 0]
    assert asyncio.run(told([False] * 5, [0, 1, 0, 0])) == [0, 1, 0]
    assert asyncio.run(told([True, True, True, False, False], [0, 0, 0, 0, 0])) == [0]
    with pytest.raises(RuntimeError):  # it asks once more
        asyncio.run(told([True, False, False], [0, 0]))
    assert set(lines) == {"waiting until all task queues follow the promotion"}


@pytest.mark.parametrize("routed", [OLD.build, "v2"])
def test_a_promotion_whose_end_the_server_lost_is_judged_by_the_task_queues(
    monkeypatch: pytest.MonkeyPatch, routed: str
) -> None:
    """It says "in progress" for ever then: a version to which no task queue gives what is new is drained."""
    monkeypatch.setattr(version_drain, "INTERVAL", 0)
    monkeypatch.setattr(version_drain, "SPREAD", 0)

    async def version(_: object, **__: object) -> DescribeWorkerDeploymentVersionResponse:
        made = DescribeWorkerDeploymentVersionResponse()
        made.version_task_queues.add(name="q")
        return made

    async def queue(request: Any, **__: object) -> DescribeTaskQueueResponse:
        assert request.task_queue.name == "q"
        made = DescribeTaskQueueResponse()
        current = made.versioning_info.current_deployment_version
        current.deployment_name, current.build_id = OLD.name, routed
        return made

    async def drain() -> list[int]:
        client = asked(draining(iter([True] * 5)), iter([0] * 5))
        client.workflow_service.describe_worker_deployment_version = version
        client.workflow_service.describe_task_queue = queue
        return [runs async for runs in version_drain.drained(client, OLD, lambda _: None)]

    if routed == "v2":
        assert asyncio.run(drain()) == [0]
    else:
        with pytest.raises(RuntimeError):  # it asks once more
            asyncio.run(drain())


@pytest.mark.parametrize("kind", ["current", "ramping"])
def test_a_version_that_takes_new_runs_is_not_drained(kind: str) -> None:
    """Also if somebody promotes it again meanwhile: its workers must not be stopped."""
    answers = draining(iter([False] * 5))

    def promoted() -> DescribeWorkerDeploymentResponse:
        made = answers()
        routing = getattr(made.worker_deployment_info.routing_config, f"{kind}_deployment_version")
        routing.deployment_name, routing.build_id = OLD.name, OLD.build
        return made

    async def drain() -> list[int]:
        client = asked(promoted, iter([0, 0]))
        return [runs async for runs in version_drain.drained(client, OLD, pytest.fail)]

    with pytest.raises(ConflictError, match=f"version mftctl:v1 is {kind}: it takes new runs"):
        asyncio.run(drain())


def test_a_drain_outlives_a_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so once, and what it counted before is counted again."""
    monkeypatch.setattr(version_drain, "INTERVAL", 0)
    answers = draining(iter([False] * 9))
    away = iter([False, True, True, False, False])
    lines: list[str] = []

    def answer() -> DescribeWorkerDeploymentResponse:
        if next(away):
            raise RPCError("restarting", RPCStatusCode.UNAVAILABLE, b"")
        return answers()

    async def drain() -> list[int]:
        client = asked(answer, iter([0, 0, 0]))
        return [runs async for runs in version_drain.drained(client, OLD, lines.append)]

    assert asyncio.run(drain()) == [0]
    assert lines == ["the Temporal server does not answer, retrying: restarting"]
    assert next(away, None) is None


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("versions misses task queues", "start workers of mftctl:v1 for the task queues"),
        ("ManagerIdentity 'controller' is not 'me'", "promote it with the program that manages"),
    ],
)
def test_a_promotion_that_the_server_refuses_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, message: str, hint: str
) -> None:
    """Start workers, or ask the program that owns the versions; that one is not waited for."""
    tries = []

    async def refuse(_: object) -> None:
        tries.append(message)
        raise RPCError(message, RPCStatusCode.FAILED_PRECONDITION, b"")

    monkeypatch.setattr(worker_versioning, "PATIENCE", 0.3)
    client = asked(draining(iter([False])))
    client.workflow_service.set_worker_deployment_current_version = refuse
    with pytest.raises(ConflictError) as refused:
        asyncio.run(worker_versioning.promote(client, OLD))
    assert refused.value.hint.startswith(hint)
    assert (len(tries) == 1) == message.startswith("Manager")
