"""The text of deployments is made from the results."""

from __future__ import annotations

from dataclasses import replace

from mftctl.console.output import Time
from mftctl.results.deployment_results import Description, Schedule, StepQueue, Worker, page, table

DUE = Time("2026-03-02T06:00:00Z")
DESCRIPTION = Description(
    deployment="shop.prod.TrainFlow",
    flow="TrainFlow",
    version="abc",
    schedule=Schedule(
        cron="0 6 * * ? *", timezone=None, overlap="skip", catchup_window=60.0, pause_on_failure=False
    ),
    paused=False,
    reason=None,
    next_run=DUE,
    triggers=(),
    task_queue="shop",
    workers=(Worker(identity="1@host", last_seen=DUE),),
    owner="ann",
    deployed_at=DUE,
    created_at=DUE,
    next_runs=(DUE,),
    project="shop",
    branch="prod",
    file="train.py",
    steps=("start", "end"),
    parameters=(),
    decorators=(),
    tags=("team:ml",),
    namespace=None,
    max_workers=100,
    workflow_timeout=None,
    priority=None,
    step_queues=(StepQueue(task_queue="gpu", steps=("a", "b")),),
    python="/python",
    metadata="local",
    datastore="local",
    datastore_root="/data",
    environment="local",
    notify=(),
)


def test_a_list_has_a_head_and_a_line_for_each_deployment() -> None:
    """Without a deployment there is no head either."""
    assert table([]) == ""
    head, line = table([DESCRIPTION]).splitlines()
    assert head.split("\t")[:3] == ["DEPLOYMENT", "FLOW", "VERSION"]
    assert line.split("\t") == [
        "shop.prod.TrainFlow", "TrainFlow", "abc", "0 6 * * ? *", DUE, "", "1", "ann", DUE,
    ]  # fmt: skip


def test_a_page_shows_what_is_set_and_why_a_schedule_is_paused() -> None:
    """What is not set has no line."""
    assert f"next run\t{DUE}" in page(DESCRIPTION).splitlines()
    paused = replace(DESCRIPTION, paused=True, reason="warehouse shut", next_run=None, workers=())
    lines = page(paused).splitlines()
    assert "next run\tpaused: warehouse shut" in lines
    assert "worker\tno worker serves it" in lines
    assert "tags\tteam:ml" in lines
    assert "step queue\tgpu: a, b" in lines
    assert not any(line.startswith(("namespace", "priority", "triggers")) for line in lines)
