"""@schedule on a real server."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from croniter import CroniterBadDateError, croniter
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
)

from mftctl.control import schedule_spec
from mftctl.model import manifest as manifests

FLOW = """
import os
from metaflow import FlowSpec, Parameter, schedule, step

{decorator}
class DailyFlow(FlowSpec):
    greeting = Parameter("greeting", default="hello")

    @step
    def start(self):
        self.due = os.environ.get("MFTCTL_SCHEDULED_TIME")
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    DailyFlow()
"""
DAYS_OF_WEEK = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
#: AWS's rules as another program reads them cover so many expressions, each for so many days or times.
DAYS, TIMES = 400, 5


def deploy(home: Any, decorator: str, *options: str) -> Any:
    """Deploy the flow with this decorator; the JSON it answers."""
    file = home.flow("daily.py", FLOW.format(decorator=decorator))
    done = home.run("deploy", str(file), *options, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def created(home: Any, decorator: str) -> Any:
    """Deploy it with the flow's own command; what `schedule describe` says then."""
    file = home.flow("daily.py", FLOW.format(decorator=decorator))
    done = home.python(str(file), "--quiet", "temporal", "create")
    assert done.returncode == 0, done.stderr
    return json.loads(home.run("schedule", "describe", "DailyFlow", "-o", "json").stdout)


def described(server: str, deployment: str = "DailyFlow") -> Any:
    async def ask() -> Any:
        client = await Client.connect(server)
        return await client.get_schedule_handle(f"mftctl.{deployment}").describe()

    return asyncio.run(ask())


def random_field(
    source: random.Random, low: int, high: int, names: tuple[str, ...] = (), *, few: bool = False
) -> str:
    """A field of a cron expression as people may write it."""

    def value(number: int) -> str:
        return names[number - low] if names and source.random() < 0.5 else str(number)

    def item() -> str:
        first = source.randint(low, high - 1)
        last = source.randint(first + 1, high)
        step = source.randint(1, max(1, (high - low) // 2))
        return source.choice(
            (
                value(first),
                f"{value(first)}-{value(last)}",
                f"{first}/{step}",
                f"{first}-{last}/{step}",
                f"*/{step}",
            )
        )

    if few:
        return value(source.randint(low, high))
    if source.random() < 0.2:
        return "*"
    return ",".join(item() for _ in range(source.choice((1, 1, 1, 2, 3))))


def random_expression(source: random.Random) -> str:
    """An expression that AWS would take, due a few times a day at most."""
    months = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
    minute = random_field(source, 0, 59, few=source.random() < 0.8)
    hour = random_field(source, 0, 23, few=source.random() < 0.8)
    by_date = source.random() < 0.5
    day = random_field(source, 1, 31) if by_date else "?"
    weekday = "?" if by_date else random_field(source, 1, 7, DAYS_OF_WEEK)
    month = random_field(source, 1, 12, months)
    year = source.choice(("*", "*", "2026-2032", "2027/2", "2026,2028", "2026-2040/3"))
    return f"{minute} {hour} {day} {month} {weekday} {year}"


def evaluated(expression: str, start: datetime, end: datetime) -> list[datetime]:
    """The first times after ``start`` at which croniter has the expression due, once it is in croniter's words."""
    minute, hour, day, month, weekday, year = expression.replace("?", "*").split()
    # There 0 is Sunday, so that days go by their names; and a step goes on from where it is told to.
    weekday = re.sub(r"(?<![/\d])\d", lambda number: DAYS_OF_WEEK[int(number.group()) - 1], weekday)
    ends = ((minute, "59"), (hour, "23"), (day, "31"), (month, "12"), (weekday, "SAT"), (year, "2099"))
    fields = [re.sub(r"(?<![-\w*])(\w+)/", rf"\1-{last}/", field) for field, last in ends]
    due = croniter(" ".join([*fields[:5], "0", fields[5]]), start, max_years_between_matches=20)
    found: list[datetime] = []
    with suppress(CroniterBadDateError):  # never again
        while len(found) < TIMES and (at := due.get_next(datetime)) < end:
            found.append(at)
    return found


async def matching(client: Client, schedule: str, start: datetime, end: datetime) -> list[datetime]:
    """When the server would start runs."""
    begin, until = Timestamp(), Timestamp()
    begin.FromDatetime(start)
    until.FromDatetime(end)
    answer = await client.workflow_service.list_schedule_matching_times(
        ListScheduleMatchingTimesRequest(
            namespace=client.namespace, schedule_id=schedule, start_time=begin, end_time=until
        )
    )
    return [one.ToDatetime(tzinfo=UTC) for one in answer.start_time]


def manifest_of(cron: str, zone: str | None = None) -> manifests.Manifest:
    package = manifests.Package("sha", "url", "{}")
    names = ("F", "f.py", package, "python", "local", "local", "/d", "local", "null", "null")
    schedule = manifests.Schedule(cron, zone)
    return manifests.Manifest("F", manifests.Launch(*names), "start", "end", (), "q", "me", schedule=schedule)


async def scheduled(client: Client, name: str) -> Any:
    """A paused Schedule whose spec tests set."""
    action = ScheduleActionStartWorkflow("None", id=name, task_queue="nobody")
    paused = Schedule(action=action, spec=ScheduleSpec(), state=ScheduleState(paused=True))
    return await client.create_schedule(name, paused)


async def set_spec(handle: Any, spec: ScheduleSpec) -> None:
    def change(given: Any) -> ScheduleUpdate:
        given.description.schedule.spec = spec
        return ScheduleUpdate(schedule=given.description.schedule)

    await handle.update(change)


@pytest.mark.parametrize("expressions", [100, pytest.param(500, marks=pytest.mark.soak)])
def test_cron_is_read_as_aws_reads_it(server: str, expressions: int) -> None:
    """The server is due at the times at which an independent evaluator of AWS's rules says it should be."""
    source = random.Random(20261125)  # noqa: S311 - no secret is made

    async def compare() -> None:
        client = await Client.connect(server)
        handle = await scheduled(client, "test-cron")
        for _ in range(expressions):
            expression = random_expression(source)
            start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=source.randint(0, 2500))
            wanted = evaluated(expression, start, start + timedelta(days=DAYS))
            await set_spec(handle, schedule_spec.spec_of(manifest_of(expression)))
            end = wanted[-1] if len(wanted) == TIMES else start + timedelta(days=DAYS)
            found = await matching(client, "test-cron", start, end)
            assert [one for one in found if one > start] == wanted, (expression, start)
        await handle.delete()

    asyncio.run(compare())


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", (0, 1, 22)),  # clocks go from 2 to 3
        ("Europe/Berlin", "2026-10-25", (0, 23)),  # and from 3 to 2
        ("America/New_York", "2026-11-01", (0, 23)),
    ],
)
def test_time_zones_follow_daylight_saving(server: str, zone: str, day: str, hours: tuple[int, ...]) -> None:
    """A daily run is due at the same hour of the clock on the wall on both sides of a change, once a day."""

    async def compare() -> None:
        client = await Client.connect(server)
        handle = await scheduled(client, "test-zones")
        noon = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=ZoneInfo(zone))
        for hour in hours:
            await set_spec(handle, schedule_spec.spec_of(manifest_of(f"30 {hour} * * ? *", zone)))
            found = await matching(client, "test-zones", noon - timedelta(days=3), noon + timedelta(days=3))
            there = [one.astimezone(ZoneInfo(zone)) for one in found]
            assert {(one.hour, one.minute) for one in there} == {(hour, 30)}
            assert len({one.date() for one in there}) == len(there) == 6
        await handle.delete()

    asyncio.run(compare())


def apart(told: Any) -> list[timedelta]:
    """The times between the first next runs that a command tells."""
    times = [datetime.fromisoformat(one) for one in told["next_runs"][:3]]
    return [after - before for before, after in pairwise(times)]


def test_deploy_schedules_and_tells_the_next_times(served: Any) -> None:
    """Each way of writing @schedule makes the deployment due, and deploy says when."""
    assert apart(deploy(served, "@schedule(hourly=True)")) == [timedelta(hours=1)] * 2
    for decorator, wanted in (
        ("@schedule(daily=True)", timedelta(days=1)),
        ("@schedule(weekly=True)", timedelta(weeks=1)),
        ("@schedule", timedelta(days=1)),
        ('@schedule(cron="0/20 * * * ? *")', timedelta(minutes=20)),
    ):
        assert apart(created(served, decorator)) == [wanted] * 2, decorator


def test_a_new_version_takes_the_schedule_along(served: Any, server: str) -> None:
    """Deploying again sets the new schedule and keeps a pause with its reason; without @schedule nothing is due."""
    first = deploy(
        served, "@schedule(hourly=True)", "--schedule-overlap", "buffer-one", "--catchup-window", "2h"
    )
    assert first["schedule"]["cron"] == "0 * * * ? *"

    async def pause() -> None:
        client = await Client.connect(server)
        await client.get_schedule_handle("mftctl.DailyFlow").pause(note="the warehouse is shut")

    asyncio.run(pause())
    before = described(server).schedule.policy
    assert (before.overlap.name, before.catchup_window) == ("BUFFER_ONE", timedelta(hours=2))
    second = deploy(served, '@schedule(cron="0 6 ? * MON-FRI *", timezone="Europe/Berlin")')
    assert {one["what"] for one in second["changes"]} >= {"schedule"}
    now = described(server).schedule
    assert (now.state.paused, now.state.note) == (True, "the warehouse is shut")
    assert (now.policy.overlap.name, now.spec.time_zone_name) == ("SKIP", "Europe/Berlin")
    third = deploy(served, "")
    assert (third["schedule"], third["next_runs"]) == (None, [])
    assert described(server).info.next_action_times == []


@pytest.mark.parametrize(
    ("decorator", "code", "words"),
    [
        ('@schedule(cron="0 0 ? * 6#3 *")', "schedule.cron", "day of week '6#3'"),
        ('@schedule(timezone="Mars/Base")', "schedule.timezone", "Mars/Base"),
    ],
)
def test_what_is_never_due_is_refused(served: Any, decorator: str, code: str, words: str) -> None:
    """A schedule that the server could not keep is refused at deploy, in one line, and nothing is deployed."""
    file = served.flow("daily.py", FLOW.format(decorator=decorator).replace("DailyFlow", "NeverFlow"))
    done = served.run("deploy", str(file), "-o", "json")
    error = json.loads(done.stderr)["error"]
    assert (done.returncode, error["code"]) == (2, code)
    assert words in error["message"]
    assert served.run("trigger", "NeverFlow").returncode == 4


def test_a_parameter_that_nobody_would_give_is_refused(served: Any) -> None:
    """A scheduled flow with a required parameter cannot be deployed."""
    source = FLOW.format(decorator="@schedule").replace('default="hello"', "required=True")
    done = served.run("deploy", str(served.flow("daily.py", source)))
    assert done.returncode == 2
    assert "'greeting'" in done.stderr


def test_schedule_options_need_a_schedule(served: Any) -> None:
    """Options of the schedule are refused for a flow without one."""
    file = served.flow("daily.py", FLOW.format(decorator=""))
    done = served.run("deploy", str(file), "--pause-on-failure")
    assert done.returncode == 2
    assert "no @schedule" in done.stderr


def test_a_scheduled_run_knows_when_it_was_due(
    served: Any, server: str, wait_until: Callable[..., None]
) -> None:
    """Its steps read the time from the environment, and its run has it as a system tag."""
    deploy(served, '@schedule(cron="0 0 1 1 ? 2099")', "--name", "due")
    served.worker("due")
    due = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)

    async def backfill() -> None:
        from temporalio.client import ScheduleBackfill, ScheduleOverlapPolicy

        client = await Client.connect(server)
        handle = client.get_schedule_handle("mftctl.due")
        await set_spec(handle, schedule_spec.spec_of(manifest_of("4 3 2 1 ? *")))
        await handle.backfill(
            ScheduleBackfill(
                due - timedelta(hours=1), due + timedelta(hours=1), ScheduleOverlapPolicy.ALLOW_ALL
            )
        )

    asyncio.run(backfill())
    script = (
        "import metaflow; metaflow.namespace(None); run = metaflow.Flow('DailyFlow').latest_run\n"
        "print(run.successful and run.data.due, sorted(t for t in run.system_tags if 'scheduled' in t))"
    )

    def seen() -> str:
        return served.python("-c", script).stdout.strip()

    wait_until(lambda: seen().startswith("2026"), "the scheduled run is done")
    assert seen() == "2026-01-02T03:04:00Z ['scheduled_time:2026-01-02T03:04:00Z']"
