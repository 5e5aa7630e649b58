"""What `python flow.py temporal …` does; the commands of a run are in ``inflow_runs``."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compiler.build import build_manifest
from ..control.parameters import check, settle, split
from ..control.tokens import Claim, username
from ..errors import Exit, MftctlError
from ..manifest import Manifest
from ..profiles import cache_dir
from .deploy import token_notes
from .inflow import Call
from .options import Deployment, Notification, Scheduling
from .output import Result, say
from .session import open_client

if TYPE_CHECKING:
    from temporalio.client import Client


def create(call: Call) -> Result:
    """Compile the flow and register it: `mftctl deploy`, from inside the flow's process."""
    options = call.options
    if options.get("deployment"):
        raise MftctlError(
            "--deployment names what is there; create has --name", exit=Exit.USAGE, code="usage"
        )
    timeout = options.get("workflow_timeout")
    asked = Deployment(
        with_=tuple(call.state.tl_decospecs),
        tag=tuple(options.get("tags") or ()),
        namespace=options.get("user_namespace"),
        max_workers=options.get("max_workers"),
        workflow_timeout=None if timeout is None else str(timeout),
        workflow_title=options.get("workflow_title"),
        workflow_description=options.get("workflow_description"),
        priority=options.get("priority"),
        name=options.get("name"),
        task_queue=options.get("task_queue"),
    ).options(call.profile)
    asked = Scheduling(
        schedule_overlap=options.get("schedule_overlap"),
        catchup_window=options.get("catchup_window"),
        pause_on_failure=bool(options.get("pause_on_failure")),
    ).added_to(asked)
    asked = Notification(
        notify_url=tuple(options.get("notify_urls") or ()), notify_key_env=options.get("notify_key_env")
    ).added_to(asked, call.profile)
    claim = Claim(
        options.get("authorize"),
        bool(options.get("generate_new_token")),
        options.get("given_token"),
        namespace=asked.namespace is not None,
    )

    def compiled() -> Manifest:
        # As `mftctl deploy` has it: part of what a code package says of its origin.
        os.environ["METAFLOW_RUNTIME_NAME"] = "temporal"
        return Manifest.from_plain(build_manifest(call.state, asked, str(cache_dir())))

    if options.get("only_json"):
        manifest = compiled()
        return Result(
            {**_attributes(call, manifest), "additional_info": {"manifest": manifest.to_plain()}},
            json.dumps(manifest.to_plain(), indent=2),
        )
    return asyncio.run(_create(call, compiled, claim))


def trigger(call: Call, given: Mapping[str, str]) -> Result:
    """Start a run with the parameters that were given as options of the command line."""
    return asyncio.run(_trigger(call, {**given, **run_params(call)}))


def delete(call: Call) -> Result:
    """Delete the deployment; its runs go on."""
    return asyncio.run(_delete(call))


def list_deployments(call: Call) -> Result:
    """The flow's deployments, or all of them."""
    return asyncio.run(_list_deployments(call))


def run_params(call: Call) -> dict[str, str]:
    """Values of ``--run-param name=value``."""
    return split(call.options.get("run_params") or ())


def write_run_id(call: Call, run_id: str) -> None:
    """Write the file of ``--run-id-file``, just the id, as Metaflow's orchestrators do."""
    file = call.options.get("run_id_file")
    if file:
        try:
            Path(file).write_text(run_id, encoding="utf-8")
        except OSError as error:
            message = f"{file}: {error.strerror}; run {run_id} is started all the same"
            raise MftctlError(message, code="file.write") from error


def started(call: Call, deployment: str, run_id: str) -> dict[str, Any]:
    """What the Deployer is told of a run that has started."""
    return {
        "name": deployment,
        "metadata": call.state.metadata.metadata_str(),
        "pathspec": f"{call.state.flow.name}/{run_id}",
    }


async def _create(call: Call, compiled: Any, claim: Claim) -> Result:
    from ..control.deployments import deploy

    # Before anything is saved: no half-made deployment when no server answers.
    client = await open_client(call.connection, call.profile)
    say(f"deploying {call.deployment}")
    manifest, previous = await deploy(client, compiled(), claim)
    file = _worker_file(call, manifest)
    info = {
        "version": manifest.version,
        "task_queue": manifest.task_queue,
        "production_token": manifest.token,
        "worker_file": file,
    }
    lines = [
        f"deployment\t{manifest.deployment}",
        f"version\t{manifest.version}" + (" (unchanged)" if _same(previous, manifest) else ""),
        f"task queue\t{manifest.task_queue}",
    ]
    notes = [f"serve it: mftctl worker {manifest.deployment}"]
    if file:
        lines.append(f"worker file\t{file}")
        notes = [f"serve it: python {file}"]
    notes += [
        f"start a run: python {manifest.launch.file} temporal trigger",
        *token_notes(manifest, previous),
    ]
    return Result(
        {**_attributes(call, manifest), "additional_info": info},
        "\n".join(lines),
        manifest.deployment,
        tuple(notes),
    )


async def _trigger(call: Call, given: dict[str, str]) -> Result:
    from ..compiler.includefile import upload
    from ..control import runs

    client = await open_client(call.connection, call.profile)
    manifest = _overridden(call, await _own(call, client))
    check(manifest, given)
    settled = await asyncio.to_thread(settle, manifest, given, upload)
    tags = tuple(call.options.get("tags") or ())
    run_id = await runs.start(client, manifest, settled, tags)
    write_run_id(call, run_id)
    if not await runs.has_worker(client, manifest.task_queue):
        say(f"no worker serves {manifest.deployment} yet: mftctl worker {manifest.deployment}")
    return Result(started(call, manifest.deployment, run_id), run_id, run_id)


async def _delete(call: Call) -> Result:
    from ..control import deployments

    client = await open_client(call.connection, call.profile)
    manifest = await _own(call, client)
    await deployments.delete(client, manifest, username(), call.options.get("authorize"))
    note = f"{manifest.deployment} is deleted; runs that have begun go on"
    return Result({"name": manifest.deployment}, "", manifest.deployment, (note,))


async def _list_deployments(call: Call) -> Result:
    from ..control import deployments

    client = await open_client(call.connection, call.profile)
    found = await deployments.rows(client)
    if not call.options.get("all"):
        found = [row for row in found if row.flow == call.state.flow.name]
    lines = [f"{row.deployment}\t{row.version}\t{row.owner}\t{row.deployed_at}" for row in found]
    names = [row.deployment for row in found]
    return Result([{"name": name} for name in names], "\n".join(lines), names)


async def _own(call: Call, client: Client) -> Manifest:
    """The deployment that is meant; exit code 6 when it is one of another flow."""
    from ..control import deployments

    manifest = await deployments.exactly(client, call.deployment)
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


def _worker_file(call: Call, manifest: Manifest) -> str | None:
    from .workerfile import write

    file = call.options.get("output") or call.options.get("file")
    if not file:
        return None
    write(Path(file), manifest.deployment, call.connection, call.profile.name)
    return os.path.abspath(str(file))


def _same(previous: Manifest | None, manifest: Manifest) -> bool:
    return previous is not None and previous.version == manifest.version


def _attributes(call: Call, manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.deployment,
        "flow_name": manifest.flow,
        "metadata": call.state.metadata.metadata_str(),
    }
