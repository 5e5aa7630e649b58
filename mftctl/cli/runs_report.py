"""`mftctl runs report`: a run as one page for a browser."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..model.errors import Exit, MftctlError
from .options import Latest, Limited
from .output import FORMATS, Format, Result, write

if TYPE_CHECKING:
    from ..control.runs.history import RunHistory

#: Last lines of each failed task's log in the page.
MAX_LINES = 400


def report(
    run: str,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], allow_leading_hyphen=True)] = None,
    format: Annotated[Format, Parameter(name="--format")] = "text",  # noqa: ARG001 - read before parsing
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,  # noqa: ARG001 - the same
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Limited = Limited(),  # noqa: B008
) -> Result:
    """Write a run as one HTML page: graph, every attempt over time, failures with logs, parameters, artifacts.

    Parameters
    ----------
    run
        The run: its id, the beginning of it, or @latest.
    output
        Write it to this file (default: the run's id with .html in this folder); - is stdout.
    format
        How the file's name is told: text, json, jsonl or name.
    quiet
        Say nothing but the result and errors.
    """
    if str(output).startswith("-") and str(output) != "-":
        hint = "name the file behind -o; - is stdout"
        raise MftctlError(f"-o {output}: that is no file of a page", exit=Exit.USAGE, code="usage", hint=hint)
    if str(output) in FORMATS:
        raise MftctlError(
            f"-o {output}: that is no file of a page",
            exit=Exit.USAGE,
            code="usage",
            hint=f"the file is named with -o FILE, the format with --format {output}",
        )
    return connection.run(_report(run, output, latest, connection))


async def _report(run: str, output: Path | None, latest: Latest, connection: Limited) -> Result:
    from ..control.runs import outcome
    from ..control.runs.history import RunHistory
    from ..control.runs.lookup import workflow_handle
    from .looking import open_run
    from .report import page
    from .run_data import as_data, ui_link

    client, found = await open_run(run, latest, connection)
    history = RunHistory(client, found)
    record = await history.read()
    ended = (
        None if found.ended is None else await outcome.wait_for_outcome(workflow_handle(client, found.run_id))
    )
    logs, notes = await _logs(history, found.run_id, connection)
    data = as_data(found, history, ended, None, ui_link(client, found, connection.settings()))
    text = page.html(data, record, logs, time.time() if found.ended is None else found.ended.timestamp())
    file = output or Path(f"{found.run_id}.html")
    if str(file) == "-":
        write(text)
        return Result(notes=notes)
    _write(file, text)
    return Result({"run_id": found.run_id, "file": str(file)}, str(file), str(file), notes)


async def _logs(
    history: "RunHistory", run_id: str, connection: Limited
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Lines of the tasks that failed; the server knows only the last of them."""
    from .report.page import MAX_FAILURES
    from .runs_logs import open_datastore

    failed = [task for task in history.record.failed() if task.kind != "hook"][:MAX_FAILURES]
    if not failed:
        return {}, ()
    try:
        async with open_datastore(history, run_id, connection) as datastore:
            wanted = [(task.step, task.task_id, task.retries, True) for task in failed]
            found = await datastore.logs([*wanted], ["stdout", "stderr"])
    except MftctlError as error:
        return {}, (f"only the last lines of logs are in the page: {error.message}",)
    return {
        task.task_id: [text for _, _, text in lines[-MAX_LINES:]]
        for task, lines in zip(failed, found, strict=True)
    }, ()


def _write(file: Path, text: str) -> None:
    """The page, whole or not at all."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MftctlError(f"{file}: {error.strerror}", code="file.write") from error
