"""`mftctl events`: tell of an event, and see who waits for which."""

import asyncio
import time
import uuid
from typing import Any

from ..model.manifest import Manifest
from .options import Limited, Output
from .output import Result, say


def publish(
    name: str,
    /,
    *payload: str,
    id: str | None = None,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Tell the deployments that wait for an event with @trigger.

    Parameters
    ----------
    name
        Name of the event.
    payload
        Fields of its payload, as name=value.
    id
        What tells the event from others: under the same id it may be told again, and counts once.
    """
    return connection.run(_publish(name, payload, id, connection))


def list_events(
    *,
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008
) -> Result:
    """List the events that deployments wait for."""
    rows = connection.run(_rows(connection))
    lines = [f"{row['event']}\t{row['deployment']}\t{row['state']}" for row in rows]
    return Result(rows, "\n".join(lines), list(dict.fromkeys(row["event"] for row in rows)))


def describe(
    name: str,
    /,
    *,
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008
) -> Result:
    """Say who waits for an event, which of its values they take, and what it started last.

    Parameters
    ----------
    name
        Name of the event.
    """
    from ..events.delivery import unknown_event

    rows = [row for row in connection.run(_rows(connection)) if row["event"] == name]
    if not rows:
        raise unknown_event(name)
    lines = []
    for row in rows:
        lines += [f"deployment\t{row['deployment']}", f"state\t{row['state']}"]
        lines += [f"parameter\t{one} = {field}" for one, field in row["parameters"].items()]
        last = row["last"] or {}
        if last.get("run_id"):
            lines.append(f"last run\t{last['run_id']}")
        if last.get("problem"):
            lines.append(f"last run\tnot started: {last['problem']}")
    return Result({"event": name, "deployments": rows}, "\n".join(lines), [row["deployment"] for row in rows])


async def _publish(name: str, payload: tuple[str, ...], event_id: str | None, connection: Limited) -> Result:
    from ..control.runs.parameters import parse_words
    from ..events import delivery
    from ..events.rules import Event
    from .session import open_client

    fields = dict(parse_words(payload, once=True))
    event = delivery.validate(Event(name, event_id or str(uuid.uuid4()), time.time(), payload=fields))
    client = await open_client(connection, connection.settings())
    told = await delivery.deliver(client, event, lambda one: say(one.warning))
    notes = () if told else (f"no deployment waits for {name}",)
    data = {"event": name, "id": event.id, "deployments": told}
    return Result(data, "\n".join(told), event.id, notes)


async def _rows(connection: Limited) -> list[dict[str, Any]]:
    from ..events import delivery, directory
    from .session import open_client

    client = await open_client(connection, connection.settings())
    manifests = await delivery.waiting_deployments(client, lambda one: say(one.warning))
    states = await asyncio.gather(*(directory.state_of(client, one.deployment) for one in manifests))
    return sorted(
        (
            _row(manifest, trigger, state)
            for manifest, state in zip(manifests, states, strict=True)
            for trigger in manifest.triggers
        ),
        key=lambda row: (row["event"], row["deployment"]),
    )


def _row(manifest: Manifest, trigger: Any, state: dict[str, Any] | None) -> dict[str, Any]:
    """``state``: waiting; come (others are waited for as well); or unknown, when no worker answers."""
    if state is None:
        word = "unknown: no worker serves it"
    else:
        word = "come" if any(one["name"] == trigger.name for one in state["pending"]) else "waiting"
    return {
        "event": trigger.name,
        "deployment": manifest.deployment,
        "type": trigger.type,
        "parameters": dict(trigger.parameters),
        "state": word,
        "last": None if state is None else state["last"] or None,
    }
