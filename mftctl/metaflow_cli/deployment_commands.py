"""What `python flow.py temporal …` does; the commands of a run are in ``run_commands``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cli import runidfile
from ..cli.looking import all_deployments, unserved
from ..cli.output import Result, say
from ..cli.session import open_client
from ..cli.trigger import told
from ..control.runs.parameters import from_click, parse_words, resolve, validate
from ..control.tokens import username
from ..model.errors import Exit, MftctlError
from ..model.manifest import Manifest
from .entry import Call

if TYPE_CHECKING:
    from temporalio.client import Client


def trigger(call: Call, given: Mapping[str, str]) -> Result:
    """Start a run with the parameters that were given as options of the command line."""
    return asyncio.run(_trigger(call, {**from_click(given), **run_params(call)}))


def delete(call: Call) -> Result:
    """Delete the deployment; its runs go on."""
    return asyncio.run(_delete(call))


def list_deployments(call: Call) -> Result:
    """The flow's deployments, or all of them."""
    return asyncio.run(_list_deployments(call))


def run_params(call: Call) -> dict[str, str]:
    """Values of ``--run-param name=value``."""
    return parse_words(call.options.get("run_params") or ())


def run_id_file(call: Call) -> Path | None:
    """The file of ``--run-id-file``, found to be writable."""
    named = call.options.get("run_id_file")
    file = Path(named) if named else None
    runidfile.check(file)
    return file


def started(call: Call, deployment: str, run_id: str) -> dict[str, Any]:
    """What the Deployer is told of a run that has started."""
    return {
        "name": deployment,
        "metadata": call.state.metadata.metadata_str(),
        "pathspec": f"{call.state.flow.name}/{run_id}",
    }


async def _trigger(call: Call, given: dict[str, str]) -> Result:
    from ..control import pollers
    from ..control.runs import start, tags
    from ..engine.payloads import RunInput
    from ..interpreter.inside.compile.include_file import upload

    file, given_tags = run_id_file(call), tuple(call.options.get("tags") or ())
    tags.validate(given_tags)
    client = await open_client(call.connection, call.profile)
    manifest = _overridden(call, await _own(call, client))
    run_id = start.run_id_for(manifest.flow, call.options.get("run_id"))
    validate(manifest, given)
    tags.validate(given_tags, manifest.launch.tags)
    settled = await asyncio.to_thread(resolve, manifest, given, upload)
    run = RunInput(manifest, run_id, settled, given_tags)
    await start.start_once(client, run, given, lambda: told(run_id, file))
    if not await pollers.has_worker(client, manifest.task_queue):
        say(unserved(manifest.deployment))
    return Result(started(call, manifest.deployment, run_id), run_id, run_id)


async def _delete(call: Call) -> Result:
    from ..events import registration

    client = await open_client(call.connection, call.profile)
    manifest = await _own(call, client)
    await registration.delete(client, manifest, username(), call.options.get("authorize"))
    note = f"{manifest.deployment} is deleted; runs that have begun go on"
    return Result({"name": manifest.deployment}, "", manifest.deployment, (note,))


async def _list_deployments(call: Call) -> Result:
    client = await open_client(call.connection, call.profile)
    found = await all_deployments(client)
    if not call.options.get("all"):
        found = [one for one in found if one.manifest.flow == call.state.flow.name]
    lines = [
        f"{one.name}\t{one.manifest.version}\t{one.manifest.owner}\t{one.deployed_at.isoformat(timespec='seconds')}"
        for one in found
    ]
    names = [one.name for one in found]
    return Result([{"name": name} for name in names], "\n".join(lines), names)


async def _own(call: Call, client: Client) -> Manifest:
    """The deployment that is meant; exit code 6 when it is one of another flow."""
    from ..control import deployments

    manifest = await deployments.get(client, call.deployment)
    if manifest.flow != call.state.flow.name:
        raise MftctlError(
            f"{manifest.deployment} is a deployment of {manifest.flow}, not of {call.state.flow.name}",
            exit=Exit.CONFLICT,
            code="deployment.mismatch",
        )
    return manifest


def _overridden(call: Call, manifest: Manifest) -> Manifest:
    """The manifest with what `trigger` may set for one run."""
    timeout, queue = call.options.get("workflow_timeout"), call.options.get("task_queue")
    return replace(
        manifest,
        workflow_timeout=manifest.workflow_timeout if timeout is None else float(timeout),
        task_queue=queue or manifest.task_queue,
    )
