"""A supervisor as it runs in a flow host, whose tasks are pieces of Python: for tests that ask it by themselves."""

import contextlib
import gc
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from mftctl.interpreter.client import Client
from mftctl.interpreter.inside.attempt import process_watch as watching
from mftctl.interpreter.inside.attempt import run_store, supervisor
from mftctl.interpreter.inside.attempt.task_process import Fork
from mftctl.interpreter.inside.channel import Channel
from mftctl.interpreter.inside.host import task_forks
from mftctl.model.manifest import Launch, Package
from mftctl.model.task import Input, Outcome, Task, TaskInput, TaskRef


class Coded:
    """Forks a process that executes what stands in the variable CODE of its run."""

    bounded = False
    prelude = (b"", b"")

    def start(self, argv, env, stdout, stderr, ours):  # noqa: ARG002 - as any other
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                task_forks._become_leader(stdout, stderr, ours)
                exec(env["CODE"], {})  # noqa: S102 - the test's own
                code = 0
            except SystemExit as left:
                code = left.code
            finally:
                task_forks._leave(code)
        return Fork(pid)


def launch(root: Path) -> Launch:
    """How tasks of a flow with a local datastore start."""
    package = Package("sha", "url", "{}")
    return Launch("F", "f.py", package, sys.executable, "local", "local", str(root), "local", "null", "null")


def request(
    number: int,
    code: str,
    *,
    live: bool = False,
    attempt: int = 0,
    retries: int = 0,
    limit: float | None = None,
    memory: int | None = None,
) -> dict:
    """What requests an attempt at a task that executes ``code``."""
    task = Task(TaskRef("work", (number,)), (Input(TaskRef("start")),))
    given = TaskInput(
        launch(Path("/")),
        "r",
        task,
        attempt=attempt,
        user_retries=retries,
        limit=limit,
        memory=memory,
        variables={"CODE": code},
    )
    return {"task": given.to_plain(), "live": live}


@contextlib.contextmanager
def process(root: Path, *more: str) -> Iterator[tuple[socket.socket, subprocess.Popen]]:
    """A supervisor's process and the socket to it; at the end it has to end by itself."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, __file__, str(theirs.fileno()), str(root), *more]
        path = os.pathsep.join(filter(None, sys.path))
        running = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env={**os.environ, "PYTHONPATH": path}
        )
    try:
        yield ours, running
    finally:
        ours.close()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            raise


@contextlib.asynccontextmanager
async def client(root: Path, *more: str) -> AsyncIterator[Client]:
    """A client of such a supervisor."""
    with process(root, *more) as (sock, _):
        found = Client(sock)
        await found.connect()
        try:
            yield found
        finally:
            found.close()
            await found._writer.wait_closed()


def _main() -> None:
    # What a task has left would be read from its artifacts, and such a task has none.
    left = run_store.FinishedTask(Outcome(("end",)), ("number",))
    run_store.RunStore.result = lambda self, ref, number: left
    if "light" in sys.argv:
        # Nothing that takes its time between a task's end and its answer but what is under test.
        run_store.RunStore.failures = lambda self, ref, number: 0
        run_store.RunStore.unreported = lambda self, ref: False
        run_store.RunStore.finished = lambda self, ref, generations: None
        run_store.RunStore.open = lambda self, ref, number: _Nothing()
    if "reached" in sys.argv:
        run_store.RunStore.succeeded = lambda self, ref, number: True
        run_store.RunStore.register = _register
    if "stuck" in sys.argv:
        run_store.RunStore.failures = _wait_for_ever
        watching.ORPHAN_LOOK, watching.ORPHAN_LIMIT = 0.1, 1
    if "hasty" in sys.argv:
        watching.GRACE = 0.3
    if "crowded" in sys.argv:
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        for _ in range(1100):
            os.dup(1)
    if "no-fork" in sys.argv:
        os.fork = _no_fork
    gc.freeze()  # as a host does
    supervisor.serve(Channel.of_fd(int(sys.argv[1])), launch(Path(sys.argv[2])), Coded())


class _Nothing:
    def save_metadata(self, data):
        pass

    def save_logs(self, source, streams):
        pass


def _register(*_):
    """The metadata service is away."""
    Path(sys.argv[2], "registered").touch()
    raise OSError


def _wait_for_ever(*_):
    Path(sys.argv[2], "waits").touch()
    time.sleep(600)


def _no_fork():
    os.fork = _FORK
    raise BlockingIOError(11, "Resource temporarily unavailable")


_FORK = os.fork
if __name__ == "__main__":
    _main()
