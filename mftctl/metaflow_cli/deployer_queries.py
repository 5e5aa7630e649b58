"""Answers queries of Metaflow's Deployer: `python -m mftctl.metaflow_cli.deployer_queries`, JSON on stdin and stdout.

The Deployer is in the user's process, perhaps a notebook with an event loop. This is a process of its own, because one
that has used temporalio can crash when the interpreter shuts down (``process_exit``).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any, NoReturn

from ..console.crash_report import report
from ..console.output import say
from ..console.process_exit import leave
from ..control import deployments
from ..control.runs import lookup
from ..model.errors import Exit, MftctlError
from ..model.statuses import MAX_RUNS, STATES, statuses_of
from ..operations.command_options import Connection
from ..operations.open_client import open_client
from ..operations.selection import all_deployments


def main() -> NoReturn:
    """Answer the query on stdin with ``{"answer"}`` or ``{"error"}``."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    try:
        answer = {"answer": asyncio.run(_answer(json.load(sys.stdin)))}
    except KeyboardInterrupt:
        leave(Exit.INTERRUPTED)
    except Exception as problem:  # noqa: BLE001 - the Deployer raises it
        error = problem if isinstance(problem, MftctlError) else report(problem)
        answer = {"error": error.to_plain()}
    with output:
        json.dump(answer, output)
    leave(0)


async def _answer(request: dict[str, Any]) -> Any:
    connection = Connection(
        address=request.get("temporal_host"),
        temporal_namespace=request.get("temporal_namespace"),
        profile=request.get("profile"),
    )
    client = await open_client(connection, connection.settings())
    match request["query"]:
        case "get_deployment":
            return (await deployments.get(client, request["name"])).to_plain()
        case "find_deployment":
            return (await deployments.find_manifest(client, request["name"])).to_plain()
        case "list_deployments":
            manifests = [one.manifest for one in await all_deployments(client)]
            return [one.to_plain() for one in manifests if request["flow"] in {None, one.flow}]
        case "status":
            run = await lookup.describe(client, request["run_id"])
            return STATES[lookup.require_flow(run, request["flow"]).status]
        case "list_runs":
            runs = await lookup.list_runs(
                client,
                flow=request["flow"],
                deployment=request["name"],
                statuses=statuses_of(request["states"]),
                limit=MAX_RUNS,
                on_bound=lambda read: say(f"only {read} runs were read: older ones are left out", "warning"),
            )
            return [run.run_id for run in runs]


if __name__ == "__main__":
    main()
