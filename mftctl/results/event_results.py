"""What the event commands return, and the text of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Published:
    """An event that was published."""

    event: str
    """Its name."""
    id: str
    deployments: tuple[str, ...]
    """The deployments that wait for it."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A deployment that waits for an event."""

    event: str
    """The name of the event."""
    deployment: str
    type: Literal["event", "run"]
    """What is awaited: an event, or the successful end of a run of another flow."""
    parameters: dict[str, str]
    """By parameter of the flow: the field of the event's payload that is its value."""
    state: str
    """waiting; come, where other events are awaited as well; or unknown: no worker serves it."""
    last: Any
    """The last run that the events have started: its run_id, or the problem that kept it from starting; or null."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event, and the deployments that wait for it."""

    event: str
    deployments: tuple[Waiting, ...]


def table(rows: Sequence[Waiting]) -> str:
    """A line for each deployment and event."""
    return "\n".join(f"{row.event}\t{row.deployment}\t{row.state}" for row in rows)


def page(event: Event) -> str:
    """An event for people."""
    lines = []
    for row in event.deployments:
        lines += [f"deployment\t{row.deployment}", f"state\t{row.state}"]
        lines += [f"parameter\t{name} = {field}" for name, field in row.parameters.items()]
        last = row.last or {}
        if last.get("run_id"):
            lines.append(f"last run\t{last['run_id']}")
        if last.get("problem"):
            lines.append(f"last run\tnot started: {last['problem']}")
    return "\n".join(lines)
