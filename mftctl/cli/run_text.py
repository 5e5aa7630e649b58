"""A run for people, as `mftctl runs describe` shows it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .run_data import seconds_of
from .text import format_duration

if TYPE_CHECKING:
    from ..control.runs.history import RunHistory
    from ..control.runs.record import RunRecord, StepRecord, TaskRecord
    from ..control.runs.run import Run

#: Tasks of a kind that are named to people.
SHOWN = 8
_MARKS = {"done": "✓", "failed": "✗", "running": "▸", "waiting": "·", "cancelled": "■", "none": " "}
_ASCII = {"done": "+", "failed": "x", "running": ">", "waiting": ".", "cancelled": "#", "none": " "}


def as_text(found: Run, history: RunHistory, data: dict[str, Any]) -> str:
    """``data`` is the same run as JSON values."""
    from ..control.runs.stuck import HINT
    from .text import columns, local_time

    given, record = history.given, history.record
    assert given is not None
    status = found.status.replace("_", " ")
    resumed = f", resumed {_times(given.generation)}" if given.generation else ""
    took = format_duration(found.seconds)
    about = [
        ("run", found.pathspec),
        ("status", f"{status} ({took}{resumed})"),
        ("started", local_time(found.started)),
        ("deployment", f"{found.deployment}, version {found.version}, by {found.owner}"),
    ]
    about += [("problem", found.problem), ("", HINT)] if found.problem else []
    about += [("made from", given.origin)] if given.origin else []
    about += [("tags", ", ".join(found.tags))] if found.tags else []
    about += [("parameter", f"{name} = {_short(value)}") for name, value in given.parameters.items()]
    done, known = data["tasks"]["done"], data["tasks"]["known"]
    retries = sum(step["retries"] for step in data["steps"])
    about.append(("tasks", f"{done} of {known} done" + (f", {retries} retried" if retries else "")))
    parts = [columns(about), columns(_steps(history))]
    parts += [_failure_text(data["failure"])] if data["failure"] else []
    for title, rows in (
        (
            "waiting for another attempt",
            [_retry(record, one) for one in record.tasks.values() if one.state == "retrying"],
        ),
        ("running", [_running(one) for one in record.tasks.values() if one.state == "running"]),
        ("compensations", [_ran_text(one) for one in record.of("compensation")]),
        ("exit hooks", [_ran_text(one) for one in record.of("hook")]),
    ):
        if rows:
            more = [(f"  and {len(rows) - SHOWN} more",)] if len(rows) > SHOWN else []
            parts.append(f"{title}:\n{columns(rows[:SHOWN])}" + "".join(f"\n{one[0]}" for one in more))
    links = [("open", data["links"]["client"])]
    links += [("temporal", data["links"]["temporal"])] if data["links"]["temporal"] else []
    parts.append(columns(links))
    return "\n\n".join(parts)


def _steps(history: RunHistory) -> list[tuple[str, ...]]:
    from ..model.graph import drawn

    plain = not _draws_boxes()
    marks, steps = (_ASCII if plain else _MARKS), history.record.steps()
    rows: list[tuple[str, ...]] = []
    for line in drawn(history.record.manifest, plain):
        step = steps[line.step]
        seconds = seconds_of(step)
        rows.append(
            (
                f"{line.rail}{marks[step.state]} {line.step}",
                step.state if step.state != "none" else "not reached",
                f"{step.done}/{step.known}" if step.known else "",
                "" if seconds is None else format_duration(seconds),
                ", ".join(_details(step)),
                line.leads,
            )
        )
    return rows


def _details(step: StepRecord) -> list[str]:
    words = [
        f"{step.counts[state]} {state}"
        for state in ("running", "waiting", "retrying", "failed", "cancelled", "kept")
        if step.counts.get(state) and step.known > 1
    ]
    if step.retries:
        words.append(f"retried {_times(step.retries)}")
    if step.spread is not None and len(step.times) > 1:
        words.append("each " + "/".join(format_duration(one) for one in step.spread))
    return words


def _failure_text(failure: dict[str, Any]) -> str:
    where = f" in step {failure['step']}" if failure["step"] else ""
    task = f" (task {failure['task']}, attempt {(failure['attempt'] or 0) + 1})" if failure["task"] else ""
    log = "".join(f"\n    {line}" for line in failure["log"])
    return f"failed{where}{task}: {failure['message']}{log}"


def _retry(record: RunRecord, task: TaskRecord) -> tuple[str, ...]:
    from .retries import due, words

    again = due(record, task)
    return ("  " + task.label, "" if again is None else words(again), task.message)


def _running(task: TaskRecord) -> tuple[str, ...]:
    import time

    last = task.attempts[-1] if task.attempts else None
    since = last.began if last and last.began else task.scheduled
    return (
        "  " + task.label,
        f"attempt {last.number + 1 if last else 1}",
        format_duration(time.time() - since),
    )


def _ran_text(task: TaskRecord) -> tuple[str, ...]:
    took = "" if task.seconds is None else format_duration(task.seconds)
    return ("  " + task.label, task.state, took, task.message)


def _draws_boxes() -> bool:
    try:
        "├│✓▸■→".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _short(value: str, most: int = 120) -> str:
    text = " ".join(value.split())
    return text if len(text) <= most else text[: most - 1] + "…"
