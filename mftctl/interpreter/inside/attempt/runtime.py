"""One attempt at a task, as Metaflow's native runtime would run it.

It writes what the native runtime writes beside the task's own data: the logs of source ``runtime`` and the attempt's
``runtime`` record, which also shows later attempts whether this one failed or was lost with its worker.
"""

from __future__ import annotations

import errno
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from time import monotonic  # its own, whatever the flow makes of it
from typing import Any, Callable, Optional

from ....model.attempt_result import CANCELLED, FAILED, LOST, SUCCEEDED, AttemptResult, ProcessFigures
from ....model.manifest import MAX_ATTEMPTS
from ....model.task import TaskInput
from .. import not_packaged
from ..task.import_failure import EXIT_DISALLOW_RETRY
from . import metaflow_commands, reuse
from .failure_reason import TAIL_LINES, failure_in
from .limits import Limits
from .logs import OnLines, Output, Saver
from .process_watch import GRACE, GRACE_ELSEWHERE, ProcessEnd, Watch
from .run_store import FinishedTask, NotReady, RunStore
from .task_process import Starter

#: Artifact names in an answer, at most.
MAX_NAMES = 100


@dataclass
class Runtime:
    """Runs the attempt ``given``, in a process that ``starter`` starts and ``watch`` follows."""

    watch: Watch
    given: TaskInput
    starter: Starter
    on_lines: Optional[OnLines]
    clone: Optional[reuse.Clone] = None
    _figures: Optional[ProcessFigures] = None

    def run(self) -> Optional[AttemptResult]:
        """How the attempt ended; None when the worker is gone."""
        began = monotonic()
        try:
            result = self._run(RunStore(self.given.launch, self.given.run_id), began)
        except NotReady as error:
            result = _failed(str(error), final=False)
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            # The kernel refuses it each time; a fork has no command line.
            result = _failed("a parameter is too long for the command line of a new process")
        return None if result is None else replace(result, figures=self._figures)

    def _run(self, store: RunStore, began: float) -> Optional[AttemptResult]:
        given, ref = self.given, self.given.task.ref
        found, failures = _found_before(store, given)
        if found is not None:
            return found
        given = self._with_losses(given, given.attempt - failures)
        problem = self._prepare(store, given)
        if problem is not None:
            return problem
        datastore, output = store.open(ref, given.attempt), Output(self.on_lines)
        # What starts the task's process with another command imports the flow there, and prints it there.
        for stream, printed in zip(output.streams, (b"", b"") if given.rewrites else self.starter.prelude):
            stream.feed(printed)
        saver = Saver(datastore, output)
        needs_files = self.starter.bounded or given.rewrites
        with tempfile.TemporaryDirectory(prefix="mftctl-") if needs_files else nullcontext() as folder:
            argv = self._command(store, given, folder)
            grace = GRACE_ELSEWHERE if given.elsewhere else GRACE
            limits = Limits(given.limit, given.memory)
            ended = self.watch.run(self.starter, argv, given.environment, output, saver, grace, limits)
            until_end = monotonic() - began
        ended = _counted(ended, store, given, lambda end: _record(datastore, output, saver, end))
        if ended.ran is not None:
            self._figures = ProcessFigures(until_end - ended.ran, ended.ran, output.size)
        if ended.orphaned:
            return None
        if ended.stopped:
            return _stopped(ended)
        if ended.code or ended.exceeded:
            return self._failure(ended, output, failures)
        try:
            result = _succeeded(store.result(ref, given.attempt))
        except NotReady as error:
            # It exited behind Metaflow's back (os._exit): the native runtime ends the run then, without a retry.
            return _failed(str(error), output.tail(TAIL_LINES))
        return result if self.clone is None else replace(result, since=self.clone.execution)

    @staticmethod
    def _with_losses(given: TaskInput, lost: int) -> TaskInput:
        """With as many more retries, as Metaflow counts lost attempts, too; the last attempt has none after it."""
        return replace(given, user_retries=min(given.user_retries + lost, MAX_ATTEMPTS - 1))

    def _prepare(self, store: RunStore, given: TaskInput) -> Optional[AttemptResult]:
        """Store parameters and clone nodes, which the task needs; a result when that fails or is stopped."""
        if given.task.control:
            store.begin_nodes(given.task, given.attempt)
        is_first = not given.task.inputs
        has_parameters = is_first and store.has_parameters()
        if has_parameters and not given.attempt and not given.task.ref.generation:
            # Its results would be mixed with those that are there, and its parameters would not count.
            return _failed(
                f"run {given.run_id} has results in the datastore already: it was started before, and the Temporal "
                "server has forgotten it, or somebody has reset it",
                taken=True,
            )
        if is_first and not has_parameters:
            argv, variables = metaflow_commands.init_command(given), metaflow_commands.init_variables(given)
            problem = self._run_helper(argv, "the run's parameters were not accepted", variables)
            if problem is not None:
                return problem
            store.note_latest_run()
        self.clone = reuse.clone_of(store, given)
        for task_id, path in self.clone.tasks[:-1] if self.clone is not None else ():
            argv = metaflow_commands.clone_command(given, task_id, path)
            problem = self._run_helper(argv, f"task {path} could not be cloned")
            if problem is not None:
                return problem
        return None

    def _run_helper(
        self, argv: list[str], message: str, variables: Optional[dict[str, str]] = None
    ) -> Optional[AttemptResult]:
        """Run a command that is not the task's; a result, with the ``message``, when it fails or is stopped."""
        output = Output()
        ended = self.watch.run(self.starter, argv, {**self.given.environment, **(variables or {})}, output)
        if ended.stopped:
            return _stopped(ended)
        # Where the flow cannot be imported, the task itself says so.
        failed = ended.code and ended.code != EXIT_DISALLOW_RETRY
        return _failed(message, output.tail(TAIL_LINES)) if failed else None

    def _command(self, store: RunStore, given: TaskInput, folder: Optional[str]) -> list[str]:
        if self.clone is not None:
            return metaflow_commands.clone_command(given, *self.clone.tasks[-1])
        inputs = given.task.inputs
        paths = store.input_paths(inputs) if inputs else [metaflow_commands.parameters_path(given)]
        if given.rewrites and folder is not None:
            return metaflow_commands.decorated_command(given, paths, folder)
        size = store.parallel_size(given.task) if given.task.control else None
        return metaflow_commands.step_command(given, paths, folder, size)

    def _failure(self, ended: ProcessEnd, output: Output, failures: int) -> AttemptResult:
        """``final`` once the user's retries or Metaflow's MAX_ATTEMPTS are used up."""
        failed = failure_in(output)
        used_up = failures + 1 >= self.given.attempts or self.given.attempt + 1 >= MAX_ATTEMPTS
        how = f"was killed by signal {-ended.code}" if ended.code < 0 else f"exited with code {ended.code}"
        message = failed.message or how
        if ended.exceeded:
            message = f"{ended.exceeded}, and was stopped"
        missing = not_packaged.reason(message, self.given.launch.left_out)
        message = f"{message} ({missing})" if missing else message
        return _failed(message, failed.log, final=used_up or ended.code == EXIT_DISALLOW_RETRY)


def _found_before(store: RunStore, given: TaskInput) -> tuple[Optional[AttemptResult], int]:
    """The result of a task that is not to be run, and how many of its attempts have failed."""
    ref = given.task.ref
    try:
        earlier = reuse.earlier_result(store, given)
    except reuse.Conflict:
        return _failed(f"task {ref.task_id} was begun by another resume of the run at the same time"), 0
    if earlier is not None:
        kept = _succeeded(store.kept_result(earlier.ref))
        return replace(kept, since=earlier.since, generation=earlier.ref.generation), 0
    failures = store.failures(ref, given.attempt)
    if failures >= given.attempts:
        # The report of the last one was lost with its worker, and its task must not run again.
        lost = f"attempt {given.attempt - 1} failed, and its worker was lost before it could say how"
        return _failed(lost), failures
    return None, failures


def _counted(
    ended: ProcessEnd, store: RunStore, given: TaskInput, record: Callable[[ProcessEnd], None]
) -> ProcessEnd:
    """Record the end that counts: a task that reached its result while it was being stopped for good has succeeded."""
    cut = ended.cancelled or ended.exceeded
    succeeded = bool(cut) and store.succeeded(given.task.ref, given.attempt)
    if succeeded:
        ended = replace(ended, code=0, stopped=False, cancelled=False, exceeded="")
    record(ended)
    if succeeded:
        _register(store, given)
    return ended


def _register(store: RunStore, given: TaskInput) -> None:
    """Let Metaflow's client find the result of a task whose process was stopped, and maybe before it did so."""
    try:
        store.register(given.task.ref, given.attempt)
    except Exception:
        # The task has succeeded, whatever the metadata provider says.
        traceback.print_exc()


def _record(datastore: Any, output: Output, saver: Saver, ended: ProcessEnd) -> None:
    """Save how the attempt ended, unless it is to run again, and its logs."""
    if ended.stopped:
        for stream in output.streams:
            stream.line(b"[KILLED BY ORCHESTRATOR]\n", system=True)
    succeeded = ended.code == 0 and not ended.exceeded
    if ended.cancelled or not ended.stopped:
        datastore.save_metadata(
            {"runtime": {"return_code": ended.code, "killed": ended.stopped, "success": succeeded}}
        )
    if ended.exceeded:
        output.stderr.line(f"Task was stopped: {ended.exceeded}.".encode(), system=True)
    if ended.code and not ended.stopped:
        text = b"Task failed with a segmentation fault." if ended.code == -11 else b"Task failed."
        output.stderr.line(text, system=True)
    saver.save()


def _succeeded(task: FinishedTask) -> AttemptResult:
    return AttemptResult(SUCCEEDED, task.outcome, task.artifacts[:MAX_NAMES])


def _failed(
    message: str, log: Sequence[str] = (), *, final: bool = True, taken: bool = False
) -> AttemptResult:
    return AttemptResult(FAILED, message=message, log=tuple(log), final=final, taken=taken)


def _stopped(ended: ProcessEnd) -> AttemptResult:
    return AttemptResult(CANCELLED if ended.cancelled else LOST)
