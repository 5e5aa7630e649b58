"""The text of schedules is made from the results."""

from __future__ import annotations

from mftctl.console.output import Time
from mftctl.results.schedule_results import (
    Backfill,
    BackfilledRun,
    Description,
    StartedRun,
    page,
    runs_table,
    table,
)

DUE = Time("2026-03-02T06:00:00Z")
LATER = Time("2026-03-03T06:00:00Z")
SCHEDULE = Description(
    cron="0 6 * * ? *",
    timezone="Europe/Rome",
    overlap="skip",
    catchup_window=60.0,
    pause_on_failure=True,
    deployment="TrainFlow",
    flow="TrainFlow",
    paused=False,
    reason=None,
    next_run=DUE,
    last_run="r2",
    next_runs=(DUE, LATER),
    recent_runs=(
        StartedRun(run_id="r1", due=DUE, started=DUE),
        StartedRun(run_id="r2", due=LATER, started=LATER),
    ),
    running=("r2",),
    waiting=1,
    skipped=2,
    missed=0,
)


def test_a_list_shows_when_each_schedule_is_due() -> None:
    """With the last run that it started."""
    assert table([SCHEDULE]).splitlines()[1].split("\t") == [
        "TrainFlow", "0 6 * * ? *", "Europe/Rome", DUE, "r2", "",
    ]  # fmt: skip


def test_a_page_shows_the_newest_run_first() -> None:
    """And the next times, and what waits."""
    lines = page(SCHEDULE).splitlines()
    assert [line for line in lines if line.startswith("started")] == [
        f"started\tr2, due {LATER}",
        f"started\tr1, due {DUE}",
    ]
    assert "waiting\t1" in lines
    assert f"next run\t{LATER}" in lines


def test_a_backfill_marks_runs_that_exist() -> None:
    """Which it does not start again."""
    runs = (BackfilledRun(due=DUE, run_id="r1", new=False), BackfilledRun(due=LATER, run_id="r2", new=True))
    found = Backfill(deployment="d", start=DUE, end=LATER, dry_run=False, started=1, runs=runs)
    assert runs_table(found) == f"{DUE}\tr1\texists\n{LATER}\tr2\t"
