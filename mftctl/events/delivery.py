"""Deliver events to the deployments that wait for them, and start their runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ..control import deployments
from ..control.runs import run_parameters, start
from ..control.unreadable import UnreadableDeployment, Warnings
from ..engine.commands import DELIVER, START
from ..engine.payloads import RunInput
from ..model import ids
from ..model.errors import MftctlError, NotFoundError, UsageError
from ..model.event import Event, invalid_reason
from ..model.manifest import Manifest
from ..model.variables import TRIGGERS
from . import rules, subscriptions


@dataclass(frozen=True)
class Delivery:
    """The deployments that an event was sent to, and why others refused it, by name.

    ``unread``: those that a newer mftctl has deployed. They get each event, and may not wait for it.
    """

    sent: tuple[str, ...]
    refused: Mapping[str, str]
    unread: tuple[str, ...] = ()


async def deliver(client: Client, event: Event, warn: Callable[[UnreadableDeployment], None]) -> Delivery:
    """Send the event to all deployments that wait for it. Sending it again changes nothing.

    A listener to which it cannot be sent delays no other one. What the server refuses for good, such as one more event
    for a listener without a worker, is in the result; any other error of the server is raised after the last one.

    ``warn`` gets deployments that cannot be read. The listener of one that a newer mftctl has deployed gets each event,
    and leaves what it does not wait for.
    """
    sent: list[str] = []
    unread: list[str] = []
    refused: dict[str, str] = {}
    failed: RPCError | None = None
    for name, one in (await _listening(client)).items():
        try:
            if isinstance(one, UnreadableDeployment):
                if not one.foreign and await subscriptions.send_by_name(client, name, event):
                    unread.append(name)
                    one = replace(one, then="it gets each event, and may not wait for it")  # noqa: PLW2901
                warn(one)
            elif any(rules.waits_for(trigger, event) for trigger in one.manifest.triggers):
                await subscriptions.send(client, one.manifest, event)
                sent.append(name)
        except RPCError as error:
            if error.status == RPCStatusCode.INVALID_ARGUMENT:
                refused[name] = error.message
            else:
                failed = error
    if failed is not None:
        raise failed
    return Delivery(tuple(sent), refused, tuple(unread))


async def waiting_deployments(client: Client, warn: Callable[[UnreadableDeployment], None]) -> list[Manifest]:
    """The manifests of the deployments that have or had a listener, by name; ``warn`` gets the unreadable ones."""
    found = await _listening(client)
    for one in found.values():
        if isinstance(one, UnreadableDeployment):
            warn(one)
    return [one.manifest for one in found.values() if not isinstance(one, UnreadableDeployment)]


async def start_due(
    client: Client, deployment: str, pending: list[Event], warn: Callable[[UnreadableDeployment], None]
) -> dict[str, Any]:
    """Start a run of the deployment if all its events are pending; the answer that the listener applies.

    MftctlError for a deployment of a newer mftctl: the listener tries again, with its events in their order, until a
    worker can read it; ``warn`` gets it. The run's id is a digest of its events, and the server accepts an id once: a
    crash in here starts no second run.
    """
    found = await deployments.describe(client, deployment)
    if found is None:
        return {"pending": [], "gone": True}
    if isinstance(found, UnreadableDeployment):
        if not found.foreign:
            warn(replace(found, then="its events wait for a worker that can read it"))
            raise found.error()
        return {
            "pending": [one.to_plain() for one in pending],
            "last": {"run_id": None, "problem": found.error().message},
        }
    manifest = found.manifest
    lacks = [rules.missing_field(manifest, event) for event in pending]
    last: dict[str, Any] = {"run_id": None, "problem": next(filter(None, lacks))} if any(lacks) else {}
    pending = [event for event, lack in zip(pending, lacks, strict=True) if not lack]
    due = rules.due(manifest.triggers, pending) if manifest.triggers else ()
    if due:
        last = {"events": [one.id for one in due], **await _start(client, manifest, due)}
        pending = [event for event in pending if event not in due]
    left = rules.still_wanted(manifest.triggers, pending)
    return {"pending": [one.to_plain() for one in left], "last": last}


def validate(event: Event) -> Event:
    """The event, checked; MftctlError (exit code 2) for a bad name, or an event that listeners refuse."""
    if not ids.is_event_name(event.name):
        raise UsageError(
            f"'{event.name}' is not a valid event name", code="event.name", hint=ids.EVENT_NAME_HINT
        )
    problem = invalid_reason(event.to_plain())
    if problem:
        raise UsageError(
            f"'{event.name}' cannot be published: {problem}",
            code="event.invalid",
            hint="store large data elsewhere, and publish its location",
        )
    return event


def unknown_event(name: str) -> MftctlError:
    """The error for an event that no deployment waits for."""
    return NotFoundError(
        f"no deployment waits for the event '{name}'",
        code="event.unknown",
        hint="list the events that deployments wait for with: mftctl events list",
    )


class EventActivities:
    """Local activities: short calls to the server by the worker that runs the workflow."""

    def __init__(self, client: Client, warn: Warnings, report: Callable[[str], None]) -> None:
        self._client = client
        self._warn = warn
        self._report = report

    @activity.defn(name=DELIVER)
    async def deliver(self, event: dict[str, Any]) -> list[str]:
        """Send the event to the deployments that wait for it; their names."""
        found = await deliver(self._client, Event.from_plain(event), self._warn)
        for name, reason in found.refused.items():
            self._report(f"event '{event['name']}' is not sent to {name}: {reason}")
        return [*found.sent, *found.unread]

    @activity.defn(name=START)
    async def start(self, given: dict[str, Any]) -> dict[str, Any]:
        """Start a run of ``deployment`` if all its events are ``pending``; the answer that the listener applies."""
        pending = [Event.from_plain(one) for one in given["pending"]]
        return await start_due(self._client, given["deployment"], pending, self._warn)


async def _listening(client: Client) -> dict[str, deployments.Deployment | UnreadableDeployment]:
    """The deployments that have or had a listener, by name."""
    return await deployments.describe_many(client, sorted(await subscriptions.list_names(client)))


async def _start(client: Client, manifest: Manifest, due: tuple[Event, ...]) -> dict[str, Any]:
    run_id = ids.triggered_run_id(manifest.flow, manifest.deployment, [f"{one.name} {one.id}" for one in due])
    given = rules.parameters(manifest, due)
    triggers = json.dumps(rules.trigger_records(manifest.triggers, due))
    try:
        run_parameters.validate(manifest, given)
        values = run_parameters.resolve(manifest, given, _no_upload)
        run = RunInput(manifest, run_id, values, variables={TRIGGERS: triggers})
        with contextlib.suppress(WorkflowAlreadyStartedError):  # started before a crash
            await start.start_run(client, run, reuse=WorkflowIDReusePolicy.REJECT_DUPLICATE)
    # A retry would fail in the same way, and block later events.
    except MftctlError as error:
        return {"run_id": None, "problem": error.message}
    except RPCError as error:
        if error.status != RPCStatusCode.INVALID_ARGUMENT:  # a server that starts has other refusals
            raise
        return {"run_id": None, "problem": f"the server refuses it: {error.message}"}
    except (RecursionError, TypeError, ValueError) as error:
        return {"run_id": None, "problem": f"its values cannot be used: {type(error).__name__}: {error}"}
    return {"run_id": run_id}


def _no_upload(manifest: Manifest, parameter: Any, value: str) -> str:
    """Refuse a file: an event cannot name one on the machine of whichever worker handles it."""
    raise MftctlError(f"{manifest.flow}: an event cannot set the file parameter '{parameter.name}' ({value})")
