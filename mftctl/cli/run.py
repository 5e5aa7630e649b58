"""`mftctl run`: compile, serve and run a flow now, in one process."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .background import background
from .deploying import Deployment, file_argument
from .options import FLAG, Connection, Output
from .output import Result


def run(
    flow: str,
    /,
    *parameters: str,
    run_id_file: Annotated[Path | None, Parameter()] = None,
    isolation: str | None = None,
    host_max_age: str | None = None,
    durable_retries: Annotated[bool, FLAG] = False,
    deployment: Deployment = Deployment(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Connection = Connection(),  # noqa: B008
    output: Output = Output(),  # noqa: B008
) -> Result:
    """Run a flow now and watch it; where no Temporal server is configured, on one that mftctl starts for it.

    Exit code 0, or 3 when the run does not complete. Ctrl-C cancels the run and waits for its tasks; a second one
    leaves at once.

    Parameters
    ----------
    flow
        The flow's file.
    parameters
        The flow's parameters, each as name=value; of an IncludeFile, the path of a file here.
    run_id_file
        Write the run id to this file, before the run starts.
    isolation
        fork (default): tasks are forked from a warm process of their flow; spawn: each is a new process.
    host_max_age
        Import a flow anew when its warm process is older than this, such as 30m (default: 1h).
    durable_retries
        Wait @retry's minutes between attempts, as a deployment does (default: retry at once, as `python FLOW.py run`).
    """
    from ..control.runs.parameters import parse_words
    from . import runidfile
    from .order import Order
    from .running import run_flow

    runidfile.check(run_id_file)
    profile = connection.settings()
    file_argument(flow)
    words = parse_words(parameters)
    order = Order(
        file=flow,
        words=words,
        options=replace(deployment.options(profile, cwd=os.getcwd()), given=tuple(words.items())),
        python=deployment.interpreter(profile),
        isolation=isolation,
        host_max_age=host_max_age,
        durable_retries=durable_retries,
        run_id_file=run_id_file,
        format=output.format,
    )
    with background(
        patience=None
    ):  # what tasks print is the command's output: whoever reads it slowly gets it
        return asyncio.run(run_flow(order, connection, profile))
