"""The page: everything about a run, in the order in which people ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources
from string import Template
from typing import Any

from ...control.runs.record import RunRecord, StepRecord, TaskRecord
from ...model.graph import in_order
from ..text import format_duration
from . import graph, timeline

#: Failures that are shown with their logs, and tasks in the list of the slowest.
MAX_FAILURES, MAX_SLOWEST = 20, 25
_KEY = ("done", "failed", "retried", "running", "lost", "cancelled", "kept")


def html(data: dict[str, Any], record: RunRecord, logs: Mapping[str, list[str]], now: float) -> str:
    """The page of a run: ``data`` as `runs describe` gives it, ``logs`` of failed tasks by their ids."""
    steps = record.steps()
    seconds = {one["step"]: one["seconds"] for one in data["steps"]}
    body = [
        _head(data, steps, now),
        _section("Steps", f'<div class="wide">{graph.svg(record.manifest, steps, seconds)}</div>'),
        _section("Time", _key() + timeline.html(record, now)),
        _failures(data, record, logs),
        _section("Time by step", _steps(record, steps, seconds)),
        _slowest(record),
        _retried(record),
        _beside("Compensations", data["compensations"]),
        _beside("Exit hooks", data["hooks"]),
        _artifacts(data, record),
    ]
    title = f"{data['pathspec']} {data['status']}"
    template = Template(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(title=escape(title), body="\n".join(part for part in body if part))


def _head(data: dict[str, Any], steps: Mapping[str, StepRecord], now: float) -> str:
    from ..text import exact

    facts = {
        "Started": data["started"],
        "Took": format_duration(data["seconds"]),
        "Tasks": f"{data['tasks']['done']} of {data['tasks']['known']} done",
        "Retries": str(sum(step.retries for step in steps.values())),
        "Deployment": f"{data['deployment']}, version {data['version']}",
        "By": data["owner"],
        "Tags": ", ".join(data["tags"]),
        "Resumed": f"{data['resumed']} times" if data["resumed"] else "",
        "Made from": data["origin"] or "",
        "In Python": data["links"]["client"],
    }
    given = [(f"<code>{escape(name)}</code>", escape(value)) for name, value in data["parameters"].items()]
    rows = "".join(
        f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items() if text
    )
    parameters = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in given)
    status = data["status"]
    return (
        f'<h1>{escape(data["pathspec"])} <span class="pill {status}">{status.replace("_", " ")}</span></h1>'
        f'<p class="soft">As of {exact(now)}</p><dl>{rows}</dl>'
        + (f"<h2>Parameters</h2><dl>{parameters}</dl>" if given else "")
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _key() -> str:
    words = {"retried": "failed, tried again", "kept": "kept from before", "lost": "lost with its worker"}
    marks = "".join(f'<span class="{state}"><i></i>{words.get(state, state)}</span>' for state in _KEY)
    return f'<p class="key">{marks}</p>'


def _failures(data: dict[str, Any], record: RunRecord, logs: Mapping[str, list[str]]) -> str:
    failed = record.failed()
    parts = [
        f"<h3>{escape(task.label)} <small>{escape(task.task_id)}, "
        f"attempt {(task.attempts[-1].number if task.attempts else 0) + 1}</small></h3>"
        f"<p>{escape(task.message)}</p>{_log(logs.get(task.task_id) or task.log)}"
        for task in failed[:MAX_FAILURES]
    ]
    if len(failed) > MAX_FAILURES:
        parts.append(f'<p class="soft">and {len(failed) - MAX_FAILURES} more</p>')
    if not failed and data["failure"]:
        parts.append(f"<p>{escape(data['failure']['message'])}</p>{_log(data['failure']['log'])}")
    return _section("Failures", "".join(parts))


def _log(lines: Iterable[str]) -> str:
    text = escape("\n".join(lines))
    return f"<pre>{text}</pre>" if text.strip() else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Cells are HTML; those of a column whose head begins with ``#`` are numbers."""
    names = list(head)
    kinds = [' class="n"' if name.startswith("#") else "" for name in names]
    top = "".join(f"<th{kind}>{name.lstrip('#')}</th>" for kind, name in zip(kinds, names, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
        if body
        else ""
    )


def _steps(record: RunRecord, steps: Mapping[str, StepRecord], seconds: Mapping[str, float | None]) -> str:
    rows = []
    for name in in_order(record.manifest):
        step = steps[name]
        spread = [format_duration(one) for one in step.spread] if step.spread else ["", "", ""]
        took = seconds[name]
        counts = (step.done, step.known, step.counts.get("failed", 0), step.retries)
        rows.append(
            [
                _mark(step.state) + escape(name),
                "not reached" if step.state == "none" else step.state,
                *map(str, counts),
                "" if took is None else format_duration(took),
                *spread,
            ]
        )
    head = (
        "Step",
        "State",
        "#done",
        "#known",
        "#failed",
        "#retries",
        "#in all",
        "#shortest",
        "#middle",
        "#longest",
    )
    return _table(head, rows)


def _mark(state: str) -> str:
    return f'<span class="{state}"><span class="dot"></span></span>'


def _slowest(record: RunRecord) -> str:
    ended = [task for task in record.of("task") if task.seconds is not None and task.state != "kept"]
    longest = sorted(ended, key=lambda task: -(task.seconds or 0.0))[:MAX_SLOWEST]
    rows = [
        [
            _mark(task.state) + escape(task.label),
            format_duration(task.seconds or 0.0),
            format_duration(max(0.0, (task.began or task.scheduled) - task.scheduled)),
            str(task.retries + 1),
        ]
        for task in longest
    ]
    note = f'<p class="soft">{len(longest)} of {len(ended)}</p>' if len(ended) > len(longest) else ""
    return _section("Slowest tasks", _table(("Task", "#took", "#waited", "#attempts"), rows) + note)


def _retried(record: RunRecord) -> str:
    tried = [(task, one) for task in record.tasks.values() for one in task.attempts[:-1] if one.message]
    rows = [
        [
            _mark("lost" if one.state == "lost" else "retried") + escape(task.label),
            str(one.number + 1),
            escape(one.message),
        ]
        for task, one in tried[:MAX_SLOWEST]
    ]
    note = f'<p class="soft">{len(rows)} of {len(tried)}</p>' if len(tried) > len(rows) else ""
    table = _table(("Task", "#attempt", "How it failed"), rows).replace("<td>", '<td class="text">')
    return _section("Attempts that failed and were made again", table + note)


def _beside(title: str, ran: list[dict[str, Any]]) -> str:
    rows = [
        [
            _mark(one["state"]) + escape(one["label"]),
            one["state"],
            "" if one["seconds"] is None else format_duration(one["seconds"]),
            escape(one["message"] or ""),
        ]
        for one in ran
    ]
    return _section(title, _table(("Name", "State", "#took", "Message"), rows))


def _artifacts(data: dict[str, Any], record: RunRecord) -> str:
    by_step: dict[str, tuple[TaskRecord, set[str]]] = {}
    for task in record.of("task"):
        if task.artifacts:
            by_step.setdefault(task.step, (task, set()))[1].update(task.artifacts)
    rows = [
        [
            escape(name),
            " ".join(f"<code>{escape(one)}</code>" for one in sorted(by_step[name][1])),
            f"<code>metaflow.Task(&quot;{escape(data['pathspec'])}/{name}/{by_step[name][0].task_id}&quot;).data</code>",
        ]
        for name in in_order(record.manifest)
        if name in by_step
    ]
    table = _table(("Step", "Artifacts", "Open one"), rows).replace("<td><code>", '<td class="text"><code>')
    return _section("Artifacts", table)
