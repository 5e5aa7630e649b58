"""`mftctl runs report`: write a run as one HTML page."""

from __future__ import annotations

import time
from pathlib import Path

from ...console.output import FORMATS, Result, write
from ...control.runs.history import RunHistory
from ...model.errors import MftctlError, UsageError
from ...report import page
from ...results.run_results import ReportFile
from ..command_options import Connection
from ..selection import open_run
from ..whole_file import check_writable, write_whole
from .logs_and_artifacts import open_datastore
from .run_details import details_of, outcome_of, ui_link

#: Last lines of each failed task's log in the page.
MAX_LINES = 400


async def write_report(
    name: str, deployment: str | None, output: Path | None, connection: Connection
) -> Result[ReportFile]:
    """Write the page to ``output``; None: a file named after the run, ``-``: stdout."""
    _check(output)
    client, run = await open_run(name, deployment, connection)
    history = RunHistory(client, run)
    record = await history.read()
    ended = await outcome_of(client, run)
    logs, notes = await _logs(history, run.run_id, connection)
    details = details_of(run, history, ended, None, ui_link(client, run, connection.settings()))
    text = page.html(details, record, logs, time.time() if run.ended is None else run.ended.timestamp())
    file = output or Path(f"{run.run_id}.html")
    if str(file) == "-":
        write(text)
        return Result(notes=notes)
    _write(file, text)
    return Result(ReportFile(run_id=run.run_id, file=str(file)), str(file), str(file), notes)


def _check(output: Path | None) -> None:
    """Refuse what was meant as another option: here -o is the file, and the format has only its long option."""
    if output is not None and not output.name:
        hint = "name the file after -o, or leave it out"
    elif str(output).startswith("-") and str(output) != "-":
        hint = "name the file after -o; - is stdout"
    elif str(output) in FORMATS:
        hint = f"name the file with -o FILE, and the format with --format {output}"
    else:
        if str(output) != "-":
            check_writable(output, "-o")
        return
    raise UsageError(f"-o: '{output}' is not a file name", hint=hint)


async def _logs(
    history: RunHistory, run_id: str, connection: Connection
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Logs of the failed tasks from the datastore, and a note if it cannot be read; the server has the last lines."""
    failed = [task for task in history.record.failed() if task.kind != "hook"][: page.MAX_FAILURES]
    if not failed:
        return {}, ()
    try:
        async with open_datastore(history, run_id, connection) as datastore:
            wanted = [(task.step, task.task_id, task.retries, True) for task in failed]
            found = await datastore.logs([*wanted], ["stdout", "stderr"])
    except MftctlError as error:
        return {}, (f"the page has only the last lines of logs: {error.message}",)
    return {
        task.task_id: [text for _, _, text in lines[-MAX_LINES:]]
        for task, lines in zip(failed, found, strict=True)
    }, ()


def _write(file: Path, text: str) -> None:
    """Write the whole page or nothing."""
    try:
        write_whole(file, text)
    except OSError as error:
        raise MftctlError(f"{file}: {error.strerror}", code="file.write") from error
