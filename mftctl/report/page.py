"""The HTML page of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources
from string import Template

from ..console.text import exact, format_duration
from ..control.runs.record import RunRecord, StepRecord, TaskRecord
from ..model.graph import ordered_steps
from ..results.run_results import HandlerRun, RunDetails
from . import step_graph, timeline

#: Most failures with logs, and most rows of the lists of tasks.
MAX_FAILURES, MAX_SLOWEST = 20, 25
_KEY = ("done", "failed", "retried", "running", "lost", "cancelled", "kept")


def html(run: RunDetails, record: RunRecord, logs: Mapping[str, list[str]], now: float) -> str:
    """The page of a run: ``logs`` of failed tasks by task id, ``now`` the end of open tasks (Unix seconds)."""
    steps = record.steps()
    seconds = {step.step: step.seconds for step in run.steps}
    body = [
        _head(run, steps, now),
        _section("Steps", f'<div class="wide">{step_graph.svg(record.manifest, steps, seconds)}</div>'),
        _section("Time", _key() + timeline.html(record, now)),
        _failures(run, record, logs),
        _section("Time by step", _steps(record, steps, seconds)),
        _slowest(record),
        _retried(record),
        _handlers("Compensations", run.compensations),
        _handlers("Exit hooks", run.hooks),
        _artifacts(run, record),
    ]
    title = f"{run.pathspec} {run.status}"
    template = Template(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(title=escape(title), body="\n".join(part for part in body if part))


def _head(run: RunDetails, steps: Mapping[str, StepRecord], now: float) -> str:
    facts = {
        "Started": run.started,
        "Took": format_duration(run.seconds),
        "Tasks": f"{run.tasks.done} of {run.tasks.known} done" if run.tasks else "",
        "Retries": str(sum(step.retries for step in steps.values())),
        "Deployment": f"{run.deployment}, version {run.version}",
        "By": run.owner,
        "Tags": ", ".join(run.tags),
        "Resumed": f"{run.resumed} times" if run.resumed else "",
        "Origin": run.origin or "",
        "In Python": run.links.client,
    }
    given = [(f"<code>{escape(name)}</code>", escape(value)) for name, value in run.parameters.items()]
    rows = "".join(
        f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items() if text
    )
    parameters = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in given)
    status = run.status
    return (
        f'<h1>{escape(run.pathspec)} <span class="pill {status}">{status.replace("_", " ")}</span></h1>'
        f'<p class="soft">As of {exact(now)}</p><dl>{rows}</dl>'
        + (f"<h2>Parameters</h2><dl>{parameters}</dl>" if given else "")
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _key() -> str:
    words = {
        "retried": "failed, retried",
        "kept": "from an earlier execution",
        "lost": "lost with its worker",
    }
    marks = "".join(f'<span class="{state}"><i></i>{words.get(state, state)}</span>' for state in _KEY)
    return f'<p class="key">{marks}</p>'


def _failures(run: RunDetails, record: RunRecord, logs: Mapping[str, list[str]]) -> str:
    failed = record.failed()
    parts = [
        f"<h3>{escape(task.label)} <small>{escape(task.task_id)}, "
        f"attempt {(task.attempts[-1].number if task.attempts else 0) + 1}</small></h3>"
        f"<p>{escape(task.message)}</p>{_log(logs.get(task.task_id) or task.log)}"
        for task in failed[:MAX_FAILURES]
    ]
    if len(failed) > MAX_FAILURES:
        parts.append(f'<p class="soft">and {len(failed) - MAX_FAILURES} more</p>')
    if not failed and run.failure:
        parts.append(f"<p>{escape(run.failure.message)}</p>{_log(run.failure.log)}")
    return _section("Failures", "".join(parts))


def _log(lines: Iterable[str]) -> str:
    text = escape("\n".join(lines))
    return f"<pre>{text}</pre>" if text.strip() else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of HTML cells; a heading that starts with ``#`` makes a column of numbers."""
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
    for name in ordered_steps(record.manifest):
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
    head = "Step State #done #known #failed #retries #total #shortest #median #longest"
    return _table(head.split(), rows)


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
    table = _table(("Task", "#attempt", "Message"), rows).replace("<td>", '<td class="text">')
    return _section("Retried attempts", table + note)


def _handlers(title: str, ran: Iterable[HandlerRun]) -> str:
    rows = [
        [
            _mark(one.state) + escape(one.label),
            one.state,
            "" if one.seconds is None else format_duration(one.seconds),
            escape(one.message or ""),
        ]
        for one in ran
    ]
    return _section(title, _table(("Name", "State", "#took", "Message"), rows))


def _artifacts(run: RunDetails, record: RunRecord) -> str:
    by_step: dict[str, tuple[TaskRecord, set[str]]] = {}
    for task in record.of("task"):
        if task.artifacts:
            by_step.setdefault(task.step, (task, set()))[1].update(task.artifacts)
    rows = [
        [
            escape(name),
            " ".join(f"<code>{escape(one)}</code>" for one in sorted(by_step[name][1])),
            f"<code>metaflow.Task(&quot;{escape(run.pathspec)}/{name}/{by_step[name][0].task_id}&quot;).data</code>",
        ]
        for name in ordered_steps(record.manifest)
        if name in by_step
    ]
    table = _table(("Step", "Artifacts", "Open"), rows).replace("<td><code>", '<td class="text"><code>')
    return _section("Artifacts", table)
