"""`python flow.py temporal create`: `mftctl deploy` in the flow's process."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from ..console.output import Result, say
from ..events.registration import deploy
from ..interpreter.inside.compile.build import build
from ..model.errors import UsageError
from ..model.manifest import Manifest
from ..model.options import Options, TokenOptions, rows
from ..operations import package_listing
from ..operations.deploy_flow import token_notes
from ..operations.deploy_options import in_force, token_request
from ..operations.missing_workers import look_for_workers
from ..operations.open_client import open_client
from ..operations.worker_file import check_path, write
from ..profiles import cache_dir
from .invocation import Invocation


async def create(invocation: Invocation) -> Result:
    """Compile the flow and deploy it; with ``--only-json``, print the manifest."""
    options = invocation.options
    file = _worker_file_path(invocation)
    if file:
        check_path(Path(file))
    if options.get("deployment"):
        raise UsageError("--deployment: create has --name instead")
    given = {name: None if row.metaflow else options.get(row.keyword) for name, row in rows(Options).items()}
    given["decorators"] = invocation.state.tl_decospecs
    asked = in_force(given, invocation.profile)
    request = token_request(
        {name: options.get(row.keyword) for name, row in rows(TokenOptions).items()}, asked
    )
    client = None
    if not options.get("only_json"):
        # Connect before anything is saved: no half-made deployment if no server answers.
        client = await open_client(invocation.connection, invocation.profile)
        say(f"deploying {invocation.deployment}")
    # As in `mftctl deploy`: Metaflow writes it into the code package.
    os.environ["METAFLOW_RUNTIME_NAME"] = "temporal"
    built = build(invocation.state, asked, str(cache_dir()))
    compiled = Manifest.from_plain(built.manifest)
    attributes = invocation.deployer_attributes(compiled.deployment)
    if client is None:
        plain = compiled.to_plain()
        return Result({**attributes, "additional_info": {"manifest": plain}}, json.dumps(plain, indent=2))
    manifest, previous = await deploy(client, compiled, request)
    same = previous is not None and previous.version == manifest.version
    lines = [
        f"deployment\t{manifest.deployment}",
        f"version\t{manifest.version}" + (" (unchanged)" if same else ""),
        f"task queue\t{manifest.task_queue}",
        package_listing.line(built.contents),
    ]
    serving = ["mftctl", "worker", manifest.deployment, *_server(invocation, "--address")]
    if file:
        write(Path(file), manifest.deployment, invocation.connection, invocation.profile.name)
        lines.append(f"worker file\t{file}")
        serving = ["python", file]
    info = {
        "version": manifest.version,
        "task_queue": manifest.task_queue,
        "production_token": manifest.token,
        "worker_file": file,
        "package": package_listing.data(built.contents),
    }
    notes = (
        *(await look_for_workers(client, manifest, shlex.join(serving))).warnings,
        f"start a run: {_trigger_command(invocation, manifest)}",
        *token_notes(manifest, previous),
        *package_listing.warnings(built.contents),
    )
    return Result({**attributes, "additional_info": info}, "\n".join(lines), manifest.deployment, notes)


def _worker_file_path(invocation: Invocation) -> str | None:
    """The absolute path of the worker file to write, from FILE or ``--output FILE``."""
    files = {str(file) for file in map(invocation.options.get, ("file", "output")) if file}
    if len(files) > 1:
        raise UsageError(
            f"two worker files are given: {' and '.join(sorted(files))}", hint="give FILE or --output FILE"
        )
    return os.path.abspath(files.pop()) if files else None


def _trigger_command(invocation: Invocation, manifest: Manifest) -> str:
    kind, _, branch = (manifest.branch or "").partition(".")
    words = ["python", manifest.launch.file]
    if kind == "prod":
        words.append("--production")
    if branch and kind != "user":
        words += ["--branch", branch]
    words.append("temporal")
    if invocation.options.get("name"):
        words += ["--name", str(invocation.options["name"])]
    return shlex.join([*words, *_server(invocation, "--temporal-host"), "trigger"])


def _server(invocation: Invocation, address: str) -> list[str]:
    """The options that name the server; ``address`` is the name of the option for the address."""
    given = invocation.connection
    named = {
        "--profile": given.profile,
        address: given.address,
        "--temporal-namespace": given.temporal_namespace,
    }
    return [word for option, value in named.items() if value is not None for word in (option, value)]
