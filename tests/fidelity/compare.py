"""Two dumps in, a list of differences out, each a line that says where and what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 160
LOGS = ("stdout", "stderr")


@dataclass(frozen=True)
class Rules:
    """What a flow leaves open, so that two runs of it may differ there.

    `racy_steps`: whether such a step's tasks run to their end, or at all, is a matter of timing; none is compared.
    `unordered_logs`: steps whose log lines come from several processes at once, compared without their order.
    `free_logs`: steps whose logs hold command lines and paths of the machinery, not compared.
    """

    racy_steps: tuple[str, ...] = ()
    unordered_logs: tuple[str, ...] = ()
    free_logs: tuple[str, ...] = ()


def differences(reference: Mapping[str, Any], ours: Mapping[str, Any], rules: Rules = Rules()) -> list[str]:
    """List what is not the same in two dumps, the reference's value first; empty when they agree."""
    return sorted(_walk("", _prepared(reference, rules), _prepared(ours, rules)))


def _prepared(dump: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    tasks = {}
    for key, task in dump["tasks"].items():
        step = _step(key)
        if step in rules.racy_steps:
            continue
        seen = {name: value for name, value in task.items() if name != "attempts"}
        seen["attempt"] = task["attempts"]
        for relation in ("parents", "children"):
            seen[relation] = [other for other in task[relation] if _step(other) not in rules.racy_steps]
        if step in rules.free_logs:
            seen["attempt"] = {
                n: {**attempt, "stdout": [], "stderr": []} for n, attempt in task["attempts"].items()
            }
        elif step in rules.unordered_logs:
            seen["attempt"] = {n: _sorted_logs(attempt) for n, attempt in task["attempts"].items()}
        tasks[key] = seen
    run = {**dump["run"], "steps": [step for step in dump["run"]["steps"] if step not in rules.racy_steps]}
    return {"run": run, "parameters": dump["parameters"], "tasks": tasks}


def _step(key: str) -> str:
    for mark in "[~#":
        key = key.split(mark, 1)[0]
    return key


def _sorted_logs(attempt: Mapping[str, Any]) -> dict[str, Any]:
    return {**attempt, **{log: sorted(attempt[log], key=repr) for log in LOGS}}


def _walk(path: str, reference: Any, ours: Any) -> Iterator[str]:
    if isinstance(reference, dict) and isinstance(ours, dict):
        for name in {**reference, **ours}:
            inner = _join(path, name)
            if name not in ours:
                yield f"{inner}: missing; the reference has {_shown(reference[name])}"
            elif name not in reference:
                yield f"{inner}: not in the reference; ours has {_shown(ours[name])}"
            else:
                yield from _walk(inner, reference[name], ours[name])
    elif isinstance(reference, list) and isinstance(ours, list):
        if _text(reference) != _text(ours):
            yield from _lists(path, reference, ours)
    elif type(reference) is not type(ours) or reference != ours:
        yield f"{path}: {_shown(reference)} != {_shown(ours)}"


def _lists(path: str, reference: list[Any], ours: list[Any]) -> Iterator[str]:
    if len(reference) != len(ours):
        yield f"{path}: {len(reference)} items != {len(ours)} items: {_first_difference(reference, ours)}"
        return
    if sorted(map(_text, reference)) == sorted(map(_text, ours)):
        yield f"{path}: same items in another order: {_shown(reference)} != {_shown(ours)}"
        return
    for number, (theirs, mine) in enumerate(zip(reference, ours, strict=False)):
        yield from _walk(f"{path}.{number}", theirs, mine)


def _first_difference(reference: list[Any], ours: list[Any]) -> str:
    theirs, mine = set(map(_text, reference)), set(map(_text, ours))
    only_reference = [item for item in reference if _text(item) not in mine]
    only_ours = [item for item in ours if _text(item) not in theirs]
    return f"only in the reference {_shown(only_reference)}, only in ours {_shown(only_ours)}"


def _join(path: str, name: str) -> str:
    if path == "tasks":
        return name
    name = {"artifacts": "artifact"}.get(name, name)
    return f"{path}.{name}" if path else name


def _text(value: Any) -> str:
    """Give a value as JSON, where 1 and true, equal in Python, are not the same."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _shown(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
