"""`python flow.py temporal create`: `mftctl deploy`, from inside the flow's process."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
from pathlib import Path
from typing import Any

from ..cli import packaged
from ..cli.deploy import token_notes
from ..cli.deploying import in_force, token_request
from ..cli.output import Result, say
from ..cli.session import open_client
from ..control.tokens import TokenRequest
from ..interpreter.inside.compile.build import build
from ..interpreter.inside.compile.contents import Contents
from ..model.errors import Exit, MftctlError
from ..model.manifest import Manifest
from ..model.options import Options, TokenOptions, rows
from ..profiles import cache_dir
from .entry import Call


def create(call: Call) -> Result:
    """Compile the flow and register it."""
    options = call.options
    _wanted_file(call)
    if options.get("deployment"):
        raise MftctlError(
            "--deployment names what is there; create has --name", exit=Exit.USAGE, code="usage"
        )
    given = {name: None if row.metaflow else options.get(row.keyword) for name, row in rows(Options).items()}
    given["decorators"] = call.state.tl_decospecs
    asked = in_force(given, call.profile)
    request = token_request(
        {name: options.get(row.keyword) for name, row in rows(TokenOptions).items()}, asked
    )

    def compiled() -> tuple[Manifest, Contents]:
        # As `mftctl deploy` has it: part of what a code package says of its origin.
        os.environ["METAFLOW_RUNTIME_NAME"] = "temporal"
        built = build(call.state, asked, str(cache_dir()))
        return Manifest.from_plain(built.manifest), built.contents

    if options.get("only_json"):
        manifest, _ = compiled()
        return Result(
            {**_attributes(call, manifest), "additional_info": {"manifest": manifest.to_plain()}},
            json.dumps(manifest.to_plain(), indent=2),
        )
    return asyncio.run(_create(call, compiled, request))


async def _create(call: Call, compiled: Any, request: TokenRequest) -> Result:
    from ..events.registration import deploy

    # Before anything is saved: no half-made deployment when no server answers.
    client = await open_client(call.connection, call.profile)
    say(f"deploying {call.deployment}")
    built, contents = compiled()
    manifest, previous = await deploy(client, built, request)
    file = _worker_file(call, manifest)
    info = {
        "version": manifest.version,
        "task_queue": manifest.task_queue,
        "production_token": manifest.token,
        "worker_file": file,
        "package": packaged.data(contents),
    }
    lines = [
        f"deployment\t{manifest.deployment}",
        f"version\t{manifest.version}" + (" (unchanged)" if _same(previous, manifest) else ""),
        f"task queue\t{manifest.task_queue}",
        packaged.line(contents),
    ]
    serving = ["mftctl", "worker", manifest.deployment, *_server(call, "--address")]
    if file:
        lines.append(f"worker file\t{file}")
        serving = ["python", file]
    notes = (
        f"serve it: {shlex.join(serving)}",
        f"start a run: {_triggering(call, manifest)}",
        *token_notes(manifest, previous),
        *packaged.warnings(contents),
    )
    return Result(
        {**_attributes(call, manifest), "additional_info": info},
        "\n".join(lines),
        manifest.deployment,
        notes,
    )


def _worker_file(call: Call, manifest: Manifest) -> str | None:
    from ..cli.workerfile import write

    file = _wanted_file(call)
    if not file:
        return None
    write(Path(file), manifest.deployment, call.connection, call.profile.name)
    return os.path.abspath(file)


def _wanted_file(call: Call) -> str | None:
    """The worker file that is wanted: FILE or ``--output FILE``."""
    files = {str(file) for file in map(call.options.get, ("file", "output")) if file}
    if len(files) > 1:
        raise MftctlError("name one worker file, as FILE or with --output", exit=Exit.USAGE, code="usage")
    return next(iter(files), None)


def _triggering(call: Call, manifest: Manifest) -> str:
    """The command that starts a run of what was just deployed."""
    kind, _, branch = (manifest.branch or "").partition(".")
    words = ["python", manifest.launch.file]
    if kind == "prod":
        words.append("--production")
    if branch and kind != "user":
        words += ["--branch", branch]
    words.append("temporal")
    if call.options.get("name"):
        words += ["--name", str(call.options["name"])]
    return shlex.join([*words, *_server(call, "--temporal-host"), "trigger"])


def _server(call: Call, address: str) -> list[str]:
    """The options that named the server, the address as ``address``."""
    given = call.connection
    named = {
        "--profile": given.profile,
        address: given.address,
        "--temporal-namespace": given.temporal_namespace,
    }
    return [word for option, value in named.items() if value is not None for word in (option, value)]


def _same(previous: Manifest | None, manifest: Manifest) -> bool:
    return previous is not None and previous.version == manifest.version


def _attributes(call: Call, manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.deployment,
        "flow_name": manifest.flow,
        "metadata": call.state.metadata.metadata_str(),
    }
