"""A timeline of a run's attempts: one row per step; attempts that overlap are in different lanes."""

from __future__ import annotations

import heapq
from html import escape

from ..console.text import format_duration
from ..control.runs.record import AttemptRecord, RunRecord, TaskRecord
from ..model.graph import ordered_steps

#: Height of a lane in pixels: up to this many lanes, this height.
LANES = ((12, 14), (40, 8), (10_000, 4))
TICKS = 5


def html(record: RunRecord, now: float) -> str:
    """The timeline; ``now``: the end of open attempts (Unix seconds)."""
    shown = [task for task in record.tasks.values() if any(one.began is not None for one in task.attempts)]
    if not shown:
        return '<p class="soft">No task has started.</p>'
    begin = min(task.began for task in shown if task.began is not None)
    end = max(_end(one, now) for task in shown for one in task.attempts if one.began is not None)
    scale = _Scale(begin, max(end - begin, 0.001), now)
    by_step: dict[str, list[TaskRecord]] = {name: [] for name in ordered_steps(record.manifest)}
    for task in shown:
        by_step.setdefault(task.step, []).append(task)
    rows = [_row(name, tasks, scale) for name, tasks in by_step.items() if tasks]
    return f'<div class="time"><span class="corner"></span>{_axis(scale.width)}{"".join(rows)}</div>'


class _Scale:
    """Converts times to percent of the width."""

    def __init__(self, begin: float, width: float, now: float) -> None:
        self.begin, self.width, self.now = begin, width, now

    def at(self, time: float) -> float:
        return max(0.0, min(100.0, 100 * (time - self.begin) / self.width))


def _end(attempt: AttemptRecord, now: float) -> float:
    return now if attempt.ended is None else attempt.ended


def _axis(width: float) -> str:
    marks = [
        f'<em style="left:{100 * part / TICKS:g}%">{format_duration(width * part / TICKS) if part else "0"}</em>'
        for part in range(TICKS + 1)
    ]
    return f'<div class="axis">{"".join(marks)}</div>'


def _row(name: str, tasks: list[TaskRecord], scale: _Scale) -> str:
    attempts = sorted(
        ((one.began, task, one) for task in tasks for one in task.attempts if one.began is not None),
        key=lambda found: found[0],
    )
    lanes = _lanes([(began, _end(one, scale.now)) for began, _, one in attempts])
    count = max(lanes) + 1
    height = next(pixels for most, pixels in LANES if count <= most)
    bars = "".join(
        _bar(task, one, lane, height, scale) for (_, task, one), lane in zip(attempts, lanes, strict=True)
    )
    total = f"{len(tasks)} tasks" if len(tasks) > 1 else "1 task"
    more = f", {len(attempts) - len(tasks)} more attempts" if len(attempts) > len(tasks) else ""
    return (
        f"<span>{escape(name)}<br><small>{total}{more}</small></span>"
        f'<b style="height:{max(count * (height + 1) + 6, 20)}px">{bars}</b>'
    )


def _lanes(spans: list[tuple[float, float]]) -> list[int]:
    """The lane of each span: the first free one. Spans are sorted by their start."""
    free: list[int] = []
    taken: list[tuple[float, int]] = []
    found = []
    for begin, end in spans:
        while taken and taken[0][0] <= begin:
            heapq.heappush(free, heapq.heappop(taken)[1])
        lane = heapq.heappop(free) if free else len(taken)
        heapq.heappush(taken, (end, lane))
        found.append(lane)
    return found


def _bar(task: TaskRecord, attempt: AttemptRecord, lane: int, height: int, scale: _Scale) -> str:
    began, ended = attempt.began or 0.0, _end(attempt, scale.now)
    left, width = scale.at(began), scale.at(ended) - scale.at(began)
    last = attempt is task.attempts[-1]
    state = attempt.state
    if last and task.state == "kept":
        state = "kept"
    elif state == "failed" and not (last and task.state == "failed"):
        state = "retried"
    number = f" attempt {attempt.number + 1}" if len(task.attempts) > 1 else ""
    waited = began - task.scheduled
    title = f"{task.label}{number}: {attempt.state}, {format_duration(ended - began)}"
    if attempt is task.attempts[0] and waited >= 0.1:
        title += f", waited {format_duration(waited)}"
    if attempt.message:
        title += f" · {attempt.message[:200]}"
    # A bar at the right edge starts early enough for its minimal width.
    return (
        f'<i class="{state}" title="{escape(title)}" style="left:min({left:.3f}%,100% - 2px);'
        f'width:{width:.3f}%;top:{3 + lane * (height + 1)}px;height:{height}px"></i>'
    )
