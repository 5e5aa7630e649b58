"""`mftctl runs logs|artifacts`: what a run's tasks have left in its datastore."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from ..model.errors import Exit, MftctlError
from .options import FLAG, Latest, Limited, Output, flow_interpreter
from .output import Result, event, say, write

if TYPE_CHECKING:
    from ..control.runs.history import RunHistory
    from ..control.runs.record import TaskRecord
    from ..interpreter.datastore import Datastore
    from .output import Format

#: Seconds between looks at the logs of tasks that run: a worker saves them every three seconds at most.
LOOK = 1.0
LARGE = "(large)"


def logs(
    run: str,
    step: str | None = None,
    /,
    *,
    follow: Annotated[bool, FLAG] = False,
    stderr: Annotated[bool, FLAG] = False,
    attempt: int | None = None,
    since: str | None = None,
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: B008
) -> Result:
    """Show what a run's tasks have printed, all of them in the order of time, each line with its task.

    Parameters
    ----------
    run
        The run: its id, the beginning of it, or @latest.
    step
        Only this step's tasks, or one: STEP/INDEX, or STEP/TASK.
    follow
        Go on as the run does, until its end.
    stderr
        Only what was printed on stderr.
    attempt
        This attempt, counted from 0 (default: the last one of each task; with --follow each from now on).
    since
        Only lines since then: how long ago, such as 10m, or a time.
    """
    from .text import parse_time

    begin = 0.0 if since is None else parse_time(since, "--since").timestamp()
    streams = ["stderr"] if stderr else ["stdout", "stderr"]
    printer = _Printer(step, attempt, begin, streams, output.format)
    return connection.run(_logs(run, latest, connection, follow, printer))


def artifacts(
    run: str,
    step: str,
    /,
    *,
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Show the artifacts of a task: names, types, and values that are short.

    Parameters
    ----------
    run
        The run: its id, the beginning of it, or @latest.
    step
        The step, or one of its tasks: STEP/INDEX, or STEP/TASK.
    """
    return connection.run(_artifacts(run, step, latest, connection))


def open_datastore(history: "RunHistory", run_id: str, connection: Limited) -> "Datastore":
    """The datastore of a run."""
    from ..interpreter.datastore import Datastore
    from ..profiles.folders import cache_dir

    assert history.given is not None
    python = flow_interpreter(connection.settings())
    return Datastore(history.given.launch, run_id, python, str(cache_dir()))


async def _logs(run: str, latest: Latest, connection: Limited, follow: bool, printer: "_Printer") -> Result:
    from ..control.runs.history import RunHistory
    from .following import ask_for_retries
    from .looking import open_run

    client, found = await open_run(run, latest, connection)
    history = RunHistory(client, found)
    await history.read()
    async with open_datastore(history, found.run_id, connection) as datastore:
        await printer.look(history, found.run_id, datastore)
        if follow and found.ended is None:
            live = RunHistory(client, found)
            following = asyncio.create_task(live.follow())
            asking = asyncio.create_task(ask_for_retries(found, live))
            said: set[tuple[str, int]] = set()
            try:
                over = False
                while not over:
                    await asyncio.wait([following], timeout=LOOK)
                    over = following.done()
                    if live.is_there:
                        _say_retry(live, said)
                        await printer.look(live, found.run_id, datastore)
                following.result()
            finally:
                for task in (following, asking):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
    notes = () if printer.shown or follow else ("nothing was printed, or nothing is saved yet",)
    if printer.format == "json":
        return Result(printer.rows)
    return Result(notes=notes)


def _say_retry(history: "RunHistory", said: set[tuple[str, int]]) -> None:
    """Say once of each retry that it is to come, and when."""
    from .retries import due, words

    for task in history.record.tasks.values():
        again = due(history.record, task)
        if again is not None and (task.label, again.number) not in said:
            said.add((task.label, again.number))
            say(f"{task.label}: {words(again)}")


class _Printer:
    """Shows lines of tasks, each once."""

    def __init__(
        self, step: str | None, attempt: int | None, since: float, streams: list[str], form: "Format"
    ) -> None:
        self._step = step
        self._attempt = attempt
        self._since = since
        self._streams = streams
        self._read: set[tuple[str, str, int | None]] = set()
        self._settled: set[tuple[str, str, int | None]] = set()
        self.format = form
        self.rows: list[dict[str, Any]] = []
        self.shown = 0

    async def look(self, history: "RunHistory", run_id: str, datastore: "Datastore") -> None:
        """Show what is new in the logs of the tasks that are meant."""
        from .selection import selected

        tasks = selected(history.record, run_id, self._step)
        # Whether a task is over is asked before its log is read, or its last lines could be missed.
        wanted = {key: task for task in tasks for key in self._keys(task) if key not in self._settled}
        over = {key for key, task in wanted.items() if task.ended is not None}
        found = await datastore.logs([(*key, key in over) for key in wanted], self._streams)
        lines = []
        for (key, task), new in zip(wanted.items(), found, strict=True):
            lines += [(at, task, key[2], stream, text) for at, stream, text in new]
        self._read |= wanted.keys()
        self._settled |= over
        alone = self._step is not None and len(tasks) == 1
        for line in sorted(lines, key=lambda one: one[0]):
            if line[0] >= self._since:
                self._show(*line, alone)

    def _keys(self, task: "TaskRecord") -> list[tuple[str, str, int | None]]:
        """The attempts to be read: the last one, and what came after one that was read already."""
        if self._attempt is not None:
            return [(task.step, task.task_id, self._attempt)]
        # Of a task that an earlier execution has done, only the datastore knows the attempts.
        if task.state == "kept":
            return [(task.step, task.task_id, None)]
        last = task.retries
        read = [key[2] for key in self._read if key[:2] == (task.step, task.task_id) and key[2] is not None]
        return [(task.step, task.task_id, number) for number in range(min(read, default=last), last + 1)]

    def _show(
        self, at: float, task: "TaskRecord", attempt: int | None, stream: str, text: str, alone: bool
    ) -> None:
        from .text import exact
        from .view import stamp

        self.shown += 1
        if self.format == "text":
            write(f"{text}\n" if alone else f"{stamp(at)} [{task.step}/{task.task_id}] {text}\n")
            return
        row = {
            "time": exact(at),
            "step": task.step,
            "task": task.task_id,
            "attempt": attempt,
            "stream": stream,
            "text": text,
        }
        if self.format == "json":
            self.rows.append(row)
        else:
            event(row)


async def _artifacts(run: str, step: str, latest: Latest, connection: Limited) -> Result:
    from ..control.runs.history import RunHistory
    from .looking import open_run
    from .selection import selected
    from .text import columns

    client, found = await open_run(run, latest, connection)
    history = RunHistory(client, found)
    record = await history.read()
    tasks = selected(record, found.run_id, step)
    if not tasks:
        raise MftctlError(
            f"run {found.run_id} has not come to step {step}", exit=Exit.NOT_FOUND, code="task.unknown"
        )
    if len(tasks) > 1:
        some = ", ".join(f"{one.step}/{','.join(map(str, one.path)) or one.task_id}" for one in tasks[:4])
        raise MftctlError(
            f"step {step} has {len(tasks)} tasks in run {found.run_id}",
            exit=Exit.NOT_FOUND,
            code="task.ambiguous",
            hint=f"name one: {some}{' …' if len(tasks) > 4 else ''}",
        )
    task = tasks[0]
    async with open_datastore(history, found.run_id, connection) as datastore:
        rows = await datastore.artifacts(task.step, task.task_id)
    if rows is None:
        raise MftctlError(
            f"task {task.step}/{task.task_id} has left no artifacts: it is {task.state}",
            exit=Exit.NOT_FOUND,
            code="task.unfinished",
        )
    lines = [(row["name"], row["type"], _value(row)) for row in rows]
    pathspec = f"{found.pathspec}/{task.step}/{task.task_id}"
    notes = (f'open them with: metaflow.Task("{pathspec}").data',)
    return Result(rows, columns(lines) if lines else "", [row["name"] for row in rows], notes)


def _value(row: dict[str, Any]) -> str:
    if row["problem"] == "large":
        return f"{LARGE[:-1]}, {row['size']} bytes)"
    return row["text"] if row["problem"] is None else f"(not loaded here: {row['problem']})"
