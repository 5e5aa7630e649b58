"""How a deployment is shown: as JSON values, in a line, and on a page."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .shown import without_secrets
from .text import columns, iso, local_time

if TYPE_CHECKING:
    from ..control.deployments import Deployment
    from ..control.pollers import Poller

HEAD = ("DEPLOYMENT", "FLOW", "VERSION", "SCHEDULE", "NEXT", "TRIGGERS", "WORKERS", "OWNER", "DEPLOYED")


def plain(found: Deployment, workers: list[Poller]) -> dict[str, Any]:
    """A deployment as JSON values, as lists have it."""
    manifest, due = found.manifest, found.schedule.info.next_action_times
    return {
        "deployment": found.name,
        "flow": manifest.flow,
        "version": manifest.version,
        "schedule": None if manifest.schedule is None else asdict(manifest.schedule),
        "paused": found.paused,
        "reason": found.reason,
        "next_run": iso(due[0]) if due and not found.paused else None,
        "triggers": [asdict(one) for one in manifest.triggers],
        "task_queue": manifest.task_queue,
        "workers": [one.to_plain() for one in workers],
        "owner": manifest.owner,
        "deployed_at": iso(found.deployed_at),
    }


def more(found: Deployment) -> dict[str, Any]:
    """What a description has besides."""
    manifest, launch = found.manifest, found.manifest.launch
    return {
        "created_at": iso(found.schedule.info.created_at),
        "next_runs": [] if found.paused else [iso(at) for at in found.schedule.info.next_action_times],
        "project": manifest.project,
        "branch": manifest.branch,
        "file": launch.file,
        "steps": [step.name for step in manifest.steps],
        "parameters": [
            {"name": one.name, "type": one.type, "required": one.required, "help": one.help}
            for one in manifest.parameters
        ],
        "decorators": list(launch.decorators),
        "tags": list(launch.tags),
        "namespace": launch.namespace,
        "max_workers": manifest.max_workers,
        "workflow_timeout": manifest.workflow_timeout,
        "priority": manifest.priority,
        "python": launch.python,
        "metadata": launch.metadata,
        "datastore": launch.datastore,
        "datastore_root": launch.datastore_root,
        "environment": launch.environment,
        "notify": [without_secrets(one.url) for one in manifest.notify],
    }


def when(found: Deployment) -> str:
    """When it is due next, for a cell of a table."""
    due = found.schedule.info.next_action_times
    return "paused" if found.paused else local_time(due[0]) if due else ""


def line(found: Deployment, workers: list[Poller]) -> tuple[str, ...]:
    """A deployment as a row under ``HEAD``."""
    manifest = found.manifest
    return (
        found.name,
        manifest.flow,
        manifest.version,
        "" if manifest.schedule is None else manifest.schedule.cron,
        when(found),
        ",".join(one.name for one in manifest.triggers),
        str(len(workers)),
        manifest.owner,
        local_time(found.deployed_at),
    )


def page(found: Deployment, workers: list[Poller]) -> str:
    """A deployment for people."""
    manifest, told = found.manifest, more(found)
    rows = [
        ("deployment", found.name),
        ("flow", f"{manifest.flow} ({manifest.launch.file})"),
        ("version", manifest.version),
        ("deployed", f"{local_time(found.deployed_at)} by {manifest.owner}"),
    ]
    if manifest.schedule is not None:
        rows.append(("schedule", f"{manifest.schedule.cron} ({manifest.schedule.timezone or 'UTC'})"))
        state = f"paused: {found.reason or 'no reason given'}" if found.paused else when(found) or "never"
        rows.append(("next run", state))
    if manifest.triggers:
        rows.append(("triggers", " and ".join(one.name for one in manifest.triggers)))
    rows.append(("task queue", manifest.task_queue))
    rows += [("worker", f"{one.identity}, seen {local_time(one.last_seen)}") for one in workers]
    rows += [] if workers else [("worker", "no worker serves it")]
    rows += [
        ("parameter", f"{one.name} ({one.type}{', required' if one.required else ''})")
        for one in manifest.parameters
    ]
    rows.append(("steps", ", ".join(told["steps"])))
    for label in ("project", "branch", "namespace", "priority", "datastore_root", "environment", "python"):
        if told[label] is not None:
            rows.append((label.replace("_", " "), str(told[label])))
    rows += [(label, ", ".join(told[label])) for label in ("decorators", "tags", "notify") if told[label]]
    rows.append(("max workers", str(manifest.max_workers)))
    if manifest.workflow_timeout is not None:
        rows.append(("workflow timeout", f"{manifest.workflow_timeout:g} s"))
    return columns(rows)
