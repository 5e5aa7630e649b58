"""One attempt at a task, from the worker's request to its result, as Metaflow's native runtime would run it.

It writes what the native runtime writes beside the task's own data: the logs of source ``runtime`` and the attempt's
``runtime`` record, which also tells later attempts whether this one failed or was lost with its worker.
"""

from __future__ import annotations

import signal
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Optional

from ....model.codec import from_plain, to_plain
from ....model.manifest import MAX_ATTEMPTS, Launch
from ....model.task import Attempt, TaskRef
from .. import not_packaged, protocol
from ..channel import Channel
from ..host.import_failure import EXIT_DISALLOW_RETRY
from ..protocol import Request
from . import command, heartbeats, results, reuse
from . import watch as process
from .failure import TAIL_LINES, told
from .logs import RECENT_LINES, Live, OnLines, Saver, Stream
from .start import Spawned, Starter
from .watch import Ended, Watch

#: Seconds that a supervisor has to save what its task said, once its worker is gone.
LAST_WORDS = 60
#: Artifact names that an answer tells.
MAX_NAMES = 100


def serve(channel: Channel, launch: Launch, starter: Starter) -> None:
    """Answer a worker's requests, one after the other, until it closes ``channel`` (``protocol.py``).

    ``run`` makes one attempt: an ``attempt``, how many ``attempts`` Metaflow grants, the run's ``tags``, and whether
    its lines are wanted ``live``, as events ``{"stream", "lines"}``. Answers: ``{"ok": True, "outcome", "artifacts"}``;
    ``{"ok": False, "message", "log", "final"}`` where ``final`` says that no retry is left; ``{"ok": False,
    "cancelled": True}``, or ``"lost"`` when it is to run again elsewhere.
    ``hook`` calls a function of @exit_hook, ``heartbeat`` sends one of a run to the metadata service.
    """
    watch = Watch(channel)

    def run(request: Request) -> Optional[dict[str, Any]]:
        watch.begin(request.number)
        attempt = from_plain(Attempt, request.fields["attempt"])
        tagged = replace(launch, tags=tuple(request.fields["tags"]))
        on_lines = Live(request) if request.fields["live"] else None
        try:
            return _Run(watch, tagged, attempt, starter, on_lines, request.fields["attempts"]).run()
        except results.NotReady as error:
            return {"ok": False, "message": str(error), "log": [], "final": False}

    def hook(request: Request) -> dict[str, Any]:
        watch.begin(request.number)
        return _hook(watch, request.fields)

    def heartbeat(request: Request) -> dict[str, Any]:
        return heartbeats.send_of_run(launch.metadata, launch.flow, request.fields["run_id"])

    protocol.serve(channel, {"run": run, "hook": hook, "heartbeat": heartbeat})


def _hook(watch: Watch, fields: dict[str, Any]) -> dict[str, Any]:
    """Run a function of @exit_hook; its output and whether it ended well. A failure of it fails nothing else."""
    streams = (Stream("stdout", None), Stream("stderr", None))
    starter = Spawned(fields["file"], "hook")
    argv = [fields["hook"], fields["run"]]
    ended = watch.run(starter, argv, {}, lambda fd, data: streams[fd - 1].feed(data), lambda: 60.0)
    for stream in streams:
        stream.end()
    return {
        "ok": ended.code == 0,
        "output": [line for stream in streams for line in stream.tail(RECENT_LINES)],
    }


@dataclass
class _Run:
    watch: Watch
    launch: Launch
    attempt: Attempt
    starter: Starter
    on_lines: Optional[OnLines]
    attempts: int
    cloned: Optional[reuse.Clone] = None

    def run(self) -> Optional[dict[str, Any]]:
        launch, attempt = self.launch, self.attempt
        store = results.Store(launch, attempt.run_id)
        try:
            kept = reuse.kept(store, attempt)
        except reuse.Conflict:
            message = (
                f"task {attempt.task.ref.task_id} was begun by another resume of the run at the same time"
            )
            return {"ok": False, "message": message, "log": [], "final": True}
        if kept is not None:
            found = {"since": kept.since, "generation": kept.ref.generation}
            return {**self._success(store, kept.ref, None), **found}
        failures = store.failures(attempt.task.ref, attempt.number)
        lost = attempt.number - failures
        attempt = replace(attempt, user_retries=attempt.user_retries + lost)
        problem = self._prepare(store, attempt)
        if problem is not None:
            return problem
        datastore = store.open(attempt.task.ref, attempt.number)
        streams = (Stream("stdout", self.on_lines), Stream("stderr", self.on_lines))
        # What starts the task's process with another command imports the flow there, and prints it there.
        for stream, printed in zip(streams, (b"", b"") if attempt.launch else self.starter.prelude):
            stream.feed(printed)
        saver = Saver(datastore, streams)

        def tick() -> float:
            saver.save_if_due()
            return saver.due()

        needs_files = self.starter.bounded or attempt.launch
        with tempfile.TemporaryDirectory(prefix="mftctl-") if needs_files else nullcontext() as folder:
            argv = self._command(store, attempt, folder)
            grace = process.GRACE_ELSEWHERE if attempt.elsewhere else process.GRACE
            ended = self.watch.run(
                self.starter, argv, self._env, lambda fd, data: streams[fd - 1].feed(data), tick, grace
            )
        for stream in streams:
            stream.end()
        return self._conclude(store, datastore, streams, saver, ended, failures)

    @property
    def _env(self) -> dict[str, str]:
        return {"METAFLOW_RUN_ID": self.attempt.run_id, **self.attempt.variables}

    def _prepare(self, store: results.Store, attempt: Attempt) -> Optional[dict[str, Any]]:
        """What is to be there before the task is; a result when that fails or is stopped."""
        if not attempt.task.inputs and not store.has_parameters():
            argv = command.init_command(self.launch, attempt)
            variables = command.init_variables(self.launch, attempt)
            problem = self._beside(argv, "the run's parameters were not accepted", variables)
            if problem is not None:
                return problem
        self.cloned = reuse.clone(store, self.launch, attempt)
        for task_id, path in self.cloned.tasks[:-1] if self.cloned is not None else ():
            argv = command.clone_command(self.launch, attempt, task_id, path)
            problem = self._beside(argv, f"task {path} could not be cloned")
            if problem is not None:
                return problem
        return None

    def _beside(
        self, argv: list[str], message: str, variables: Optional[dict[str, str]] = None
    ) -> Optional[dict[str, Any]]:
        """Run a command that is not the task's; a result, with the ``message``, when it fails or is stopped."""
        streams = (Stream("stdout", None), Stream("stderr", None))
        env = {**self._env, **(variables or {})}
        ended = self.watch.run(
            self.starter, argv, env, lambda fd, data: streams[fd - 1].feed(data), lambda: 60.0
        )
        for stream in streams:
            stream.end()
        if ended.orphaned:
            return {"ok": False, "lost": True}
        if ended.stopped:
            return {"ok": False, "lost": not ended.final, "cancelled": ended.final}
        # Where the flow cannot be imported, the task itself says so.
        if ended.code and ended.code != EXIT_DISALLOW_RETRY:
            log = [line for stream in streams for line in stream.tail(TAIL_LINES)]
            return {"ok": False, "message": message, "log": log, "final": True}
        return None

    def _command(self, store: results.Store, attempt: Attempt, folder: Optional[str]) -> list[str]:
        if self.cloned is not None:
            return command.clone_command(self.launch, attempt, *self.cloned.tasks[-1])
        paths = store.input_paths(attempt) if attempt.task.inputs else [command.parameters_path(attempt)]
        if attempt.launch and folder is not None:
            return command.launch_command(self.launch, attempt, paths, folder)
        size = store.parallel_size(attempt.task) if attempt.task.control else None
        return command.step_command(self.launch, attempt, paths, folder, size)

    def _success(self, store: results.Store, ref: TaskRef, number: Optional[int]) -> dict[str, Any]:
        return {
            "ok": True,
            "outcome": to_plain(store.outcome(ref, number)),
            "artifacts": store.artifacts(ref, number)[:MAX_NAMES],
        }

    def _conclude(
        self,
        store: results.Store,
        datastore: Any,
        streams: tuple[Stream, Stream],
        saver: Saver,
        ended: Ended,
        failures: int,
    ) -> Optional[dict[str, Any]]:
        if ended.orphaned:
            # Nobody waits for this any more; a store that does not answer keeps no process alive.
            signal.alarm(LAST_WORDS)
        again = ended.stopped and not ended.final
        if ended.stopped:
            for stream in streams:
                stream.line(b"[KILLED BY ORCHESTRATOR]\n", system=True)
        if not again:
            datastore.save_metadata(
                {"runtime": {"return_code": ended.code, "killed": ended.stopped, "success": ended.code == 0}}
            )
        if ended.code and not ended.stopped:
            text = b"Task failed with a segmentation fault." if ended.code == -11 else b"Task failed."
            streams[1].line(text, system=True)
        saver.save()
        if ended.orphaned:
            return None
        if ended.stopped:
            return {"ok": False, "lost": again, "cancelled": ended.final}
        if ended.code:
            return self._failure(ended, streams, failures)
        try:
            result = self._success(store, self.attempt.task.ref, self.attempt.number)
        except results.NotReady as error:
            # It left without Metaflow's leave (os._exit): the native runtime ends the run at that, without a retry.
            log = [line for stream in streams for line in stream.tail(TAIL_LINES)]
            return {"ok": False, "message": str(error), "log": log, "final": True}
        return result if self.cloned is None else {**result, "since": self.cloned.execution}

    def _failure(self, ended: Ended, streams: tuple[Stream, Stream], failures: int) -> dict[str, Any]:
        """What the worker tells Temporal: ``final`` once the user's budget or Metaflow's MAX_ATTEMPTS is used up."""
        failed = told(streams)
        used_up = failures + 1 >= self.attempts or self.attempt.number + 1 >= MAX_ATTEMPTS
        how = f"was killed by signal {-ended.code}" if ended.code < 0 else f"exited with code {ended.code}"
        message = failed.message or how
        missing = not_packaged.reason(message, self.launch.left_out)
        return {
            "ok": False,
            "message": f"{message} ({missing})" if missing else message,
            "log": failed.log,
            "final": used_up or ended.code == EXIT_DISALLOW_RETRY,
        }
