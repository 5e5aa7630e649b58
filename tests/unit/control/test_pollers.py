"""Which workers take what is in a task queue, by their versions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse, ListWorkersResponse

from mftctl.control.pollers import find_pollers, has_worker

UNVERSIONED, VERSIONED = 1, 2


def asked(
    *versions: str, current: str = "", ramping: str = "", share: int | None = None, leaving: str = "-"
) -> Any:
    """A client of a server with a task queue that workers of these versions poll; an empty one is none.

    ``share``: percent of what is new that go to the ``ramping`` version, or to workers without one.
    The worker of version ``leaving`` is shutting down.
    """
    answer = DescribeTaskQueueResponse()
    for version in versions:
        one = answer.pollers.add(identity=version or "plain")
        one.last_access_time.FromDatetime(datetime.now(UTC))
        # The SDK sends a build id of a worker without a version, too.
        one.deployment_options.build_id = version or "mftctl-1"
        one.deployment_options.deployment_name = "mftctl" if version else ""
        one.deployment_options.worker_versioning_mode = VERSIONED if version else UNVERSIONED
    for name, version in (("current", current), ("ramping", ramping)):
        if version:
            routing = getattr(answer.versioning_info, f"{name}_deployment_version")
            routing.deployment_name, routing.build_id = "mftctl", version
    answer.versioning_info.ramping_version_percentage = (10 if ramping else 0) if share is None else share

    async def described(_: object, **__: object) -> DescribeTaskQueueResponse:
        return answer

    async def listed(_: object, **__: object) -> ListWorkersResponse:
        answer = ListWorkersResponse()
        beat = answer.workers_info.add().worker_heartbeat
        beat.worker_identity, beat.status = leaving, WorkerStatus.WORKER_STATUS_SHUTTING_DOWN
        beat.heartbeat_time.FromDatetime(datetime.now(UTC))
        return answer

    service = SimpleNamespace(describe_task_queue=described, list_workers=listed)
    return SimpleNamespace(namespace="default", workflow_service=service)


@pytest.mark.parametrize(
    ("versions", "routing", "taking"),
    [
        (["", "v1"], {}, ["plain"]),
        (["v1"], {}, []),
        (["", "v1", "v2"], {"current": "v2"}, ["v2"]),
        (["", "v1", "v2"], {"current": "v1", "ramping": "v2"}, ["v1", "v2"]),
        (["", "v1"], {"ramping": "v1"}, ["plain", "v1"]),
        (["", "v1"], {"ramping": "v1", "share": 0}, ["plain"]),
        (["", "v1"], {"current": "v1", "share": 10}, ["plain", "v1"]),
    ],
)
def test_what_is_new_is_taken_by_the_current_version(
    versions: list[str], routing: dict[str, Any], taking: list[str]
) -> None:
    """A share by the ramping one; by workers without a version while none is current."""
    assert [
        one.identity for one in asyncio.run(find_pollers(asked(*versions, **routing), "q")).pollers
    ] == taking


def test_versions_that_are_there_and_take_nothing_are_named() -> None:
    """So that one of them is promoted, and no other worker started. Where a version is current, none is."""

    def found(*versions: str, **more: str) -> tuple[str, ...]:
        return asyncio.run(find_pollers(asked(*versions, **more), "q")).unpromoted

    assert found("", "v1", "v2") == ("mftctl:v1", "mftctl:v2")
    assert found("v1", "v2", leaving="v2") == ("mftctl:v1",)
    assert found("v1", ramping="v1") == ()
    assert found("v1", current="v2") == ()
    assert found("") == ()


@pytest.mark.parametrize(
    ("versions", "routing", "lacking"),
    [
        (["v1"], {}, ("",)),
        (["v1"], {"current": "v2"}, ("mftctl:v2",)),
        (["v1"], {"current": "v2", "ramping": "v1"}, ("mftctl:v2",)),
        (["v2"], {"current": "v2", "ramping": "v1"}, ("mftctl:v1",)),
        (["v2"], {"current": "v2", "share": 40}, ("",)),
        (["v2"], {"current": "v2", "ramping": "v1", "share": 0}, ()),
        ([], {"current": "v2", "ramping": "v1"}, ("mftctl:v2", "mftctl:v1")),
    ],
)
def test_what_is_new_needs_a_worker_of_each_version_that_takes_a_share(
    versions: list[str], routing: dict[str, Any], lacking: tuple[str, ...]
) -> None:
    """Else that share waits, though the others are there."""
    polling = asyncio.run(find_pollers(asked(*versions, **routing), "q"))
    assert (polling.lacking, polling.served) == (lacking, not lacking)


def test_a_run_that_stays_on_a_version_is_taken_by_its_workers_only() -> None:
    """Whichever version is current."""
    client = asked("", "v2", current="v2")
    assert asyncio.run(has_worker(client, "q", "mftctl:v2"))
    assert not asyncio.run(has_worker(client, "q", "mftctl:v1"))
