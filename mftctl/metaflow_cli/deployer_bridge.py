"""Answers Metaflow's Deployer: `python -m mftctl.metaflow_cli.deployer_bridge`, JSON request on stdin, JSON answer out.

The Deployer lives in the user's process, perhaps a notebook with an event loop of its own. temporalio does not: a
process that used it can crash in interpreter shutdown (``leaving``).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from ..cli.crash import report
from ..cli.leaving import leave
from ..cli.options import Connection
from ..cli.session import open_client
from ..model.errors import Exit, MftctlError
from ..model.statuses import MOST, STATES, statuses_of

if TYPE_CHECKING:
    from temporalio.client import Client


def main() -> NoReturn:
    """Answer one request, with ``{"error"}`` when it cannot be."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    try:
        answer = {"answer": asyncio.run(_ask(json.load(sys.stdin)))}
    except KeyboardInterrupt:
        leave(Exit.INTERRUPTED)
    except Exception as problem:  # noqa: BLE001 - told to the Deployer
        error = problem if isinstance(problem, MftctlError) else report(problem)
        answer = {"error": error.to_plain()}
    with answers:
        json.dump(answer, answers)
    leave(0)


async def _ask(request: dict[str, Any]) -> Any:
    connection = Connection(
        address=request.get("temporal_host"),
        temporal_namespace=request.get("temporal_namespace"),
        profile=request.get("profile"),
    )
    client = await open_client(connection, connection.settings())
    return await _ASKED[request["ask"]](client, request)


async def _deployment(client: Client, request: dict[str, Any]) -> dict[str, Any]:
    from ..control.deployments import get

    return (await get(client, request["name"])).to_plain()


async def _named(client: Client, request: dict[str, Any]) -> dict[str, Any]:
    from ..control.deployments import find_manifest

    return (await find_manifest(client, request["name"])).to_plain()


async def _deployments(client: Client, request: dict[str, Any]) -> list[dict[str, Any]]:
    from ..cli.looking import all_deployments

    flow = request["flow"]
    found = [one.manifest for one in await all_deployments(client)]
    return [one.to_plain() for one in found if flow in {None, one.flow}]


async def _status(client: Client, request: dict[str, Any]) -> str:
    from ..control.runs.lookup import describe, require_flow

    return STATES[require_flow(await describe(client, request["run_id"]), request["flow"]).status]


async def _runs(client: Client, request: dict[str, Any]) -> list[str]:
    from ..control.runs.lookup import list_runs

    statuses = statuses_of(request["states"])
    found = await list_runs(
        client, flow=request["flow"], deployment=request["name"], statuses=statuses, limit=MOST
    )
    return [run.run_id for run in found]


_ASKED = {
    "deployment": _deployment,
    "named": _named,
    "deployments": _deployments,
    "status": _status,
    "runs": _runs,
}

if __name__ == "__main__":
    main()
