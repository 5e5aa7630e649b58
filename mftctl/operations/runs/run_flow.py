"""`mftctl run`: compile a flow, connect to a server or start one, then run the flow with a worker in this process."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ...console.background import background
from ...console.output import Result, say
from ...console.process import in_thread
from ...control.runs import run_parameters
from ...interpreter.compilation import Compilation
from ...interpreter.upload import upload
from ...local import devserver
from ...model.errors import UnreachableError
from ...model.options import Options
from ...profiles import Profile, cache_dir
from ...results.run_results import FinishedRun
from ..command_options import Connection
from ..deploy_options import DeploymentOptions, file_argument
from ..run_id_file import check_writable
from ..server_choice import embedded, names_server
from .run_request import RunRequest

if TYPE_CHECKING:
    from temporalio.client import Client

#: Times that an embedded server is started until one answers, and seconds that it has for that.
STARTS, START_TIMEOUT = 3, 30.0


def run_flow(
    request: RunRequest, deployment: DeploymentOptions, connection: Connection
) -> Result[FinishedRun]:
    """Run the flow to its end; the result has the run's outcome."""
    check_writable(request.run_id_file)
    profile = connection.settings()
    file_argument(request.file)
    given = run_parameters.parse_words(request.parameters)
    options = replace(deployment.options(profile, cwd=os.getcwd()), given=tuple(given.items()))
    python = deployment.interpreter(profile)
    # The output of tasks is the result of the command: a slow reader gets all of it.
    with background(patience=None):
        return asyncio.run(_run(request, options, python, connection, profile))


async def _run(
    request: RunRequest, options: Options, python: str, connection: Connection, profile: Profile
) -> Result[FinishedRun]:
    # The compiler, the import of temporalio and the start of the server run side by side.
    with Compilation(request.file, options, python, cache_dir(), serves=True) as compiling:
        starts_server = not names_server(connection, profile)
        # Imports temporalio (0.3 s of `run`) while the compiler works.
        from ..worker_options import worker_settings
        from .local_run import LocalRun

        # What can be wrong with the options, before a server is started.
        worker_settings(profile, None, request.isolation, request.host_max_age)
        # Last, though it is needed first: a new server keeps a core busy for a while, and until here no core is idle;
        # the compiler takes longer anyway.
        opening = devserver.open_server() if starts_server else None

        client, lease = await _connect(opening, connection, profile)
        try:
            run = LocalRun(client, request, options.max_workers, profile, lease)
            manifest = await run.compiled(compiling)
            warming = asyncio.create_task(run.warm(manifest))
            values = {**run_parameters.from_click(compiling.variables), **dict(options.given or ())}
            run_parameters.validate(manifest, values, compiling.refused)
            settled = await asyncio.to_thread(run_parameters.resolve, manifest, values, upload)
            say(_server_of(client, lease))
            result = await run.follow(manifest, settled)
            await warming
        finally:
            if lease is not None:
                lease.release()
    return result


async def _connect(
    opening: devserver.ServerStart | None, connection: Connection, profile: Profile, starts: int = STARTS
) -> tuple[Client, devserver.Lease | None]:
    # Imports temporalio: see _run.
    from ...control.connection.connect import connect
    from ..open_client import open_client, quiet_sdk

    quiet_sdk()
    if opening is None:
        return await open_client(connection, profile), None
    lease = await in_thread(opening.lease)
    try:
        client = await connect(embedded(lease.address, connection, profile), START_TIMEOUT)
    except UnreachableError as error:
        lease.release()
        if starts == 1 or error.code == "temporal.namespace":
            raise
        # It ended as soon as it was there.
        again = await in_thread(devserver.open_server)
        return await _connect(again, connection, profile, starts - 1)
    return client, lease


def _server_of(client: Client, lease: devserver.Lease | None) -> str:
    if lease is None:
        return f"using the Temporal server at {client.service_client.config.target_host}"
    return f"using the embedded Temporal server at {lease.address}, UI at {lease.ui}"
