"""`mftctl runs logs` and `mftctl runs artifacts`: what tasks left in the datastore of their run."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from ...console.output import Format, Result, event, reader_gone, say, to_json, write
from ...console.text import columns, exact, log_time
from ...control.runs.history import RunHistory
from ...control.runs.record import TaskRecord
from ...interpreter.datastore import Datastore
from ...model.errors import NotFoundError, UsageError
from ...profiles.folders import cache_dir
from ...results.run_results import Artifact, LogLine
from ..command_options import Connection, flow_interpreter
from ..pending_retries import pending_retry, retry_text
from ..selection import open_run, select_tasks
from .follow_run import poll_pending

#: Seconds between two reads of the logs of running tasks; a worker saves them every three seconds at most.
INTERVAL = 1.0

#: An attempt: step, task id, number (None for the last one).
_Attempt = tuple[str, str, int | None]


@dataclass(frozen=True)
class LogFilter:
    """Which lines to show: of a step or task (see ``select_tasks``), of one attempt, since a Unix time, of streams."""

    where: str | None
    attempt: int | None
    since: float
    streams: tuple[str, ...]


async def show_logs(
    name: str, deployment: str | None, wanted: LogFilter, follow: bool, form: Format, connection: Connection
) -> Result[list[LogLine]]:
    """Print the lines there are, and with ``follow`` those to come; the result has them for ``-o json``."""
    if wanted.attempt is not None and wanted.attempt < 0:
        raise UsageError(f"--attempt: {wanted.attempt} is negative", hint="attempts are counted from 0")
    if form == "name":
        raise UsageError("-o name: a line of a log has no name", hint="use -o jsonl, or leave it out")
    client, run = await open_run(name, deployment, connection)
    history = RunHistory(client, run)
    record = await history.read()
    if run.ended is not None:
        _check_there(select_tasks(record, run.run_id, wanted.where), run.run_id, wanted)
    printer = _Printer(wanted, form)
    async with open_datastore(history, run.run_id, connection) as datastore:
        await printer.read(history, run.run_id, datastore)
        if follow and run.ended is None:
            live = RunHistory(client, run)
            following = asyncio.create_task(live.follow())
            polling = asyncio.create_task(poll_pending(run, live))
            announced: set[tuple[str, int]] = set()
            try:
                over = False
                while not over and not reader_gone():
                    await asyncio.wait([following], timeout=INTERVAL)
                    over = following.done()
                    if live.is_there:
                        _announce_retries(live, announced)
                        await _read_new(printer, live, run.run_id, datastore, over=over)
                if following.done():
                    following.result()
            finally:
                for task in (following, polling):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
    notes = () if printer.count or follow else ("no output" if run.ended else "no output yet",)
    return Result(printer.rows if form == "json" else None, notes=notes)


def _check_there(tasks: list[TaskRecord], run_id: str, wanted: LogFilter) -> None:
    """Exit code 4 where a run that has ended never had the step or the attempt."""
    if wanted.where is not None and not tasks:
        raise _not_reached(run_id, wanted.where)
    last = max((task.retries for task in tasks if task.state != "kept"), default=None)
    if wanted.attempt is not None and last is not None and wanted.attempt > last:
        what = f"run {run_id}" if wanted.where is None else f"{wanted.where} of run {run_id}"
        raise NotFoundError(
            f"{what} has no attempt {wanted.attempt}",
            code="attempt.unknown",
            hint=f"the last one is {last}; attempts are counted from 0",
        )


def _not_reached(run_id: str, where: str) -> NotFoundError:
    return NotFoundError(f"run {run_id} has not reached step {where}", code="task.unknown")


async def _read_new(
    printer: _Printer, live: RunHistory, run_id: str, datastore: Datastore, *, over: bool
) -> None:
    """Print what is new. The history is read again from its start, so the task may not be known yet."""
    try:
        await printer.read(live, run_id, datastore)
    except NotFoundError as error:
        if over or error.code != "task.unknown":
            raise


async def show_artifacts(
    name: str, deployment: str | None, where: str, connection: Connection
) -> Result[list[Artifact]]:
    """Show the artifacts of the task ``where`` (see ``select_tasks``); exit code 4 if it has none or is ambiguous."""
    client, run = await open_run(name, deployment, connection)
    history = RunHistory(client, run)
    record = await history.read()
    tasks = select_tasks(record, run.run_id, where)
    if not tasks:
        raise _not_reached(run.run_id, where)
    if len(tasks) > 1:
        some = ", ".join(f"{one.step}/{','.join(map(str, one.path)) or one.task_id}" for one in tasks[:4])
        raise NotFoundError(
            f"step {where} has {len(tasks)} tasks in run {run.run_id}",
            code="task.ambiguous",
            hint=f"name one: {some}{' …' if len(tasks) > 4 else ''}",
        )
    task = tasks[0]
    async with open_datastore(history, run.run_id, connection) as datastore:
        found = await datastore.artifacts(task.step, task.task_id)
    if found is None:
        raise NotFoundError(
            f"task {task.step}/{task.task_id} has no artifacts: it is {task.state}", code="task.unfinished"
        )
    artifacts = [Artifact(**one) for one in found]
    lines = [(artifact.name, artifact.type, _value(artifact)) for artifact in artifacts]
    notes = (f'open them with: metaflow.Task("{run.pathspec}/{task.step}/{task.task_id}").data',)
    return Result(artifacts, columns(lines), [artifact.name for artifact in artifacts], notes)


def open_datastore(history: RunHistory, run_id: str, connection: Connection) -> Datastore:
    """The datastore of a run."""
    assert history.given is not None
    python = flow_interpreter(connection.settings())
    return Datastore(history.given.launch, run_id, python, str(cache_dir()))


def _announce_retries(history: RunHistory, announced: set[tuple[str, int]]) -> None:
    """Print each pending retry once."""
    for task in history.record.tasks.values():
        again = pending_retry(history.record, task)
        if again is not None and (task.label, again.number) not in announced:
            announced.add((task.label, again.number))
            say(f"{task.label}: {retry_text(again)}")


class _Printer:
    """Prints each line once; ``rows`` are the lines with ``-o json``, which prints none."""

    def __init__(self, wanted: LogFilter, form: Format) -> None:
        self._wanted = wanted
        self._format = form
        self._read: set[_Attempt] = set()
        self._complete: set[_Attempt] = set()
        self.rows: list[LogLine] = []
        self.count = 0

    async def read(self, history: RunHistory, run_id: str, datastore: Datastore) -> None:
        """Print the new lines."""
        tasks = select_tasks(history.record, run_id, self._wanted.where)
        # Whether a task is over is asked before its log is read, or its last lines could be missed.
        wanted = {key: task for task in tasks for key in self._attempts(task) if key not in self._complete}
        over = {key for key, task in wanted.items() if task.ended is not None}
        found = await datastore.logs([(*key, key in over) for key in wanted], list(self._wanted.streams))
        lines = []
        for (key, task), new in zip(wanted.items(), found, strict=True):
            lines += [(at, task, key[2], stream, text) for at, stream, text in new]
        self._read |= wanted.keys()
        self._complete |= over
        alone = self._wanted.where is not None and len(tasks) == 1
        for line in sorted(lines, key=lambda each: each[0]):
            if line[0] >= self._wanted.since:
                self._print(*line, alone)

    def _attempts(self, task: TaskRecord) -> list[_Attempt]:
        """The attempts to read: the last one, and those after one that was read before."""
        if self._wanted.attempt is not None:
            return [(task.step, task.task_id, self._wanted.attempt)]
        # The attempts of a task that an earlier execution finished are known to the datastore only.
        if task.state == "kept":
            return [(task.step, task.task_id, None)]
        last = task.retries
        read = [key[2] for key in self._read if key[:2] == (task.step, task.task_id) and key[2] is not None]
        return [(task.step, task.task_id, number) for number in range(min(read, default=last), last + 1)]

    def _print(
        self, at: float, task: TaskRecord, attempt: int | None, stream: str, text: str, alone: bool
    ) -> None:
        self.count += 1
        if self._format == "text":
            write(f"{text}\n" if alone else f"{log_time(at)} [{task.step}/{task.task_id}] {text}\n")
            return
        line = LogLine(
            time=exact(at), step=task.step, task=task.task_id, attempt=attempt, stream=stream, text=text
        )
        if self._format == "json":
            self.rows.append(line)
        else:
            event(to_json(line))


def _value(artifact: Artifact) -> str:
    if artifact.problem == "large":
        return f"(large, {artifact.size} bytes)"
    return (artifact.text or "") if artifact.problem is None else f"(cannot be loaded: {artifact.problem})"
