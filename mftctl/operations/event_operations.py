"""What the event commands do."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Literal, cast

from temporalio.service import RPCError

from ..console.output import Result, say
from ..control.connection.connect import server_error
from ..control.runs.run_parameters import parse_words
from ..events import delivery, subscriptions
from ..events.subscriptions import ListenerState
from ..model.errors import MftctlError, UsageError
from ..model.event import Event as Occurrence
from ..model.manifest import Manifest, Trigger
from ..results.event_results import Event, Published, Waiting, page, table
from .command_options import Limited
from .open_client import open_client


async def publish(
    connection: Limited, name: str, payload: tuple[str, ...], event_id: str | None
) -> Result[Published]:
    """Publish an event; its id is made up where none is given."""
    if event_id == "":
        raise UsageError("--id: '' is no id", hint="leave it out for one that is made up")
    fields = dict(parse_words(payload, once=True))
    event = delivery.validate(Occurrence(name, event_id or str(uuid.uuid4()), time.time(), payload=fields))
    client = await open_client(connection, connection.settings())
    try:
        found = await delivery.deliver(client, event, lambda one: say(one.warning))
    except RPCError as error:
        if (refusal := server_error(error)) is None:
            raise
        # Some deployments may have it.
        refusal.hint = f"repeat it with --id {event.id}: each deployment counts it once"
        raise refusal from error
    notes = tuple(f"event '{name}' is not sent to {one}: {why}" for one, why in found.refused.items())
    if notes and not found.sent:
        hint = f"start a worker for it: mftctl worker {next(iter(found.refused))}"
        raise MftctlError("; ".join(notes), code="event.refused", hint=hint)
    notes = notes if found.sent else (f"no deployment waits for {name}",)
    published = Published(event=name, id=event.id, deployments=found.sent)
    return Result(published, "\n".join(found.sent), event.id, notes)


async def list_(connection: Limited) -> Result[list[Waiting]]:
    """The events that deployments wait for."""
    rows = await _waiting(connection)
    return Result(rows, table(rows), list(dict.fromkeys(row.event for row in rows)))


async def describe(connection: Limited, name: str) -> Result[Event]:
    """The deployments that wait for an event; MftctlError with exit code 4 where none does."""
    rows = tuple(row for row in await _waiting(connection) if row.event == name)
    if not rows:
        raise delivery.unknown_event(name)
    event = Event(event=name, deployments=rows)
    return Result(event, page(event), [row.deployment for row in rows])


async def _waiting(connection: Limited) -> list[Waiting]:
    client = await open_client(connection, connection.settings())
    manifests = await delivery.waiting_deployments(client, lambda one: say(one.warning))
    states = await asyncio.gather(*(subscriptions.state_of(client, one.deployment) for one in manifests))
    return sorted(
        (
            _row(manifest, trigger, state)
            for manifest, state in zip(manifests, states, strict=True)
            for trigger in manifest.triggers
        ),
        key=lambda row: (row.event, row.deployment),
    )


def _row(manifest: Manifest, trigger: Trigger, state: ListenerState | None) -> Waiting:
    """``state``: what the deployment's listener answers; None when no worker runs it."""
    if state is None:
        word = "unknown: no worker serves it"
    elif trigger.name in state.pending:
        word = "come"
    else:
        word = "waiting"
    return Waiting(
        event=trigger.name,
        deployment=manifest.deployment,
        type=cast(Literal["event", "run"], trigger.type),
        parameters=dict(trigger.parameters),
        state=word,
        last=None if state is None else state.last,
    )
