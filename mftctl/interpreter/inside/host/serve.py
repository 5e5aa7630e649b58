"""The flow host: imports metaflow and the flow once, then forks a supervisor for every socket it is given.

The worker passes as many sockets (``send_fds``) as it runs tasks at once. A supervisor runs the attempts that come
through its own, each as one more fork, and takes its task with it when the other end is gone. The host itself ends
with its worker.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import traceback
from dataclasses import replace
from select import poll  # its own, whatever the flow makes of it
from typing import Any, Callable

from ....model.codec import from_plain
from ....model.errors import MftctlError
from ....model.manifest import Launch
from .. import installed, not_packaged, own_code, program, protocol, s3
from ..attempt.start import Forked, Spawned, Starter
from ..channel import Channel
from ..environment import config_options, forget_configs, settle, work_folder
from ..package import hold, is_whole
from ..protocol import UNFORKABLE, Request
from ..task import decorated
from . import around, hazards, import_failure, stacks
from .argv import Argv
from .clock import Clock
from .exits import Exits
from .import_failure import Unloadable
from .printed import Printed
from .randomness import Seeds
from .signal_handlers import Signals


def main(fd: str) -> None:
    """Serve the worker at the other end of ``fd``.

    It sends one request, ``load``, with ``launch``, ``isolation``, ``folder`` and ``file``. ``folder``: where the code
    package is, or will be, unpacked. ``file``: the user's own file, for tasks that run in place (`run`); null for those
    that run from the package.
    """
    channel = Channel.of_fd(int(fd))
    request = protocol.receive(channel)
    if request is None:
        sys.exit(0)
    config = request.fields
    launch, folder = from_plain(Launch, config["launch"]), config["folder"]
    file = config["file"] or os.path.join(folder, launch.file)
    problem = None
    if not (is_whole(folder) and hold(folder)):
        problem = _fetch(launch, folder)
        hold(folder)
    _refuse(request, problem)
    if not config["file"] and launch.cwd is None:
        os.chdir(work_folder(folder, launch))
    launch = replace(launch, options=(*launch.options, *config_options(launch, folder)))
    forget_configs()
    settle()
    _refuse(request, installed.problem())
    if config["isolation"] == "spawn":
        _serve(request, launch, Spawned(file))
    _import(request, launch, file)


def _import(request: Request, launch: Launch, file: str) -> None:
    """Import the flow and serve its tasks; also those of a flow that cannot be imported, which fail with the reason."""
    # What its import leaves behind is not the flow's doing.
    import metaflow  # noqa: F401

    # Before the flow can replace any function that it uses.
    from ..attempt import supervisor  # noqa: F401

    stacks.hide_ours()
    printed = Printed()
    earlier, seeds, clock, ends, handlers = hazards.before(), Seeds(), Clock(), Exits(), Signals()
    argv = Argv()
    for one in (seeds, clock, ends):
        one.watch()

    imported = []

    def is_over() -> tuple[bytes, bytes]:
        """Watch the import no longer; what it has printed."""
        clock.stop()
        argv.stop()
        seeds.keep()
        ends.stop()
        handlers.keep()
        return printed.stop()

    def on_flow(flow: Any, go_on: Callable[[], None]) -> None:
        prelude = is_over()
        found = hazards.hazards(earlier)
        if not found:
            _import_for_tasks(flow)
            s3.warm(launch)
            found = hazards.in_process(earlier)
        imported.append(flow)
        left = (seeds.left(), ends.left(), clock.read(), argv.read(), around.left())
        if found := [*found, *(one for several in left for one in several)]:
            _decline_all(request, found)
        starter = Forked(file, flow, go_on, seeds, handlers, prelude)
        _serve(request, launch, starter, own_code.imported())

    try:
        argv.watch(file)
        program.execute(file, on_flow)
        why = import_failure.ends_without_flow(file)
    except BaseException as error:
        if imported:  # this is about serving it
            raise
        if import_failure.is_machines(error):
            printed.stop()
            _refuse(request, traceback.format_exc(limit=-8))
        why = import_failure.why(error, not_packaged.reason(str(error), launch.left_out) or "")
    prelude = is_over()
    if found := [*hazards.hazards(earlier), *argv.read()]:
        _decline_all(request, found)
    _serve(request, launch, Unloadable(why, prelude), own_code.imported(), broken=True)


def _serve(
    request: Request,
    launch: Launch,
    starter: Starter,
    files: dict[str, tuple[int, int]] | None = None,
    broken: bool = False,
) -> None:
    """Fork a supervisor for every socket that comes; leave when the worker is gone.

    ``files``: what the import has read, for the worker to see when it changes. ``broken``: it failed, and another one
    might not.
    """
    # Not before: it imports metaflow, which must be the interpreter's own (boot.py stands first on the path till then).
    from ..attempt import supervisor

    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request.answer({"files": files or {}, "broken": broken})
    channel = request.channel
    declined: list[Channel] = []
    while True:
        data, fds, _, _ = socket.recv_fds(channel.sock, 1, 1)
        _reap()
        declined = _still_held(declined)
        if not data or not fds:
            _leave()
        try:
            pid = os.fork()
        except OSError as error:
            # The task may find more processes or memory later, or another worker.
            declined.append(_decline(fds[0], f"no process can be forked: {error.strerror}"))
            continue
        if pid == 0:
            for other in (channel, *declined):
                other.close()
            _supervise(supervisor.serve, fds[0], launch, starter)
        os.close(fds[0])


def _decline_all(request: Request, found: list[str]) -> None:
    """Say why no task can be forked here, and end as Python does; what the flow's file prints then is no task's."""
    request.fail(MftctlError(" and ".join(found), code=UNFORKABLE))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.exit(0)


def _decline(fd: int, why: str) -> Channel:
    """Answer whatever is asked over a socket that no supervisor can be started for.

    The socket stays open until the worker lets it go: it is yet to write its request, and would lose the answer.
    """
    channel = Channel.of_fd(fd)
    with contextlib.suppress(OSError):  # the worker has let it go
        protocol.refuse(channel, MftctlError(why))
    return channel


def _still_held(declined: list[Channel]) -> list[Channel]:
    """Close the sockets that the worker has let go; the others."""
    watch = poll()
    for channel in declined:
        watch.register(channel, 0)  # a hang-up is always told
    gone = {fd for fd, _ in watch.poll(0)}
    held = [channel for channel in declined if channel.fileno() not in gone]
    for channel in declined:
        if channel not in held:
            channel.close()
    return held


def _supervise(
    serve: Callable[[Channel, Launch, Starter], None], fd: int, launch: Launch, starter: Starter
) -> None:
    try:
        channel = Channel.of_fd(fd)
        serve(channel, launch, starter)
    except (
        BrokenPipeError,
        ConnectionResetError,
    ):  # the worker is gone, and with it whoever wanted the result
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _leave() -> None:
    """The worker is gone: so is the host, with the exit handlers of the flow's import."""
    sys.exit(0)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _refuse(request: Request, problem: str | None) -> None:
    """Say why the flow cannot be served here, and end; nothing when there is no problem."""
    if problem:
        request.fail(MftctlError(problem))
        sys.exit(1)


def _fetch(launch: Launch, folder: str) -> str | None:
    """Bring the code package here; what went wrong, or None.

    In a process of its own, because metaflow looks for the package when it is imported.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            from ..package import fetch

            wrong = s3.problem(launch.package.url, there=True) if launch.datastore == "s3" else None
            if wrong is None:
                fetch(launch, folder)
            else:
                os.write(write, f"the code package could not be read: {wrong}".encode()[:4000])
        except BaseException as error:
            os.write(
                write, f"the code package {launch.package.url} could not be read: {error}".encode()[:4000]
            )
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8", errors="replace") as said:
        problem = said.read()
    os.waitpid(pid, 0)
    return problem or None


def _import_for_tasks(flow: Any) -> None:
    """What every task needs, loaded once. Not `init`, whose module takes the flow's Parameters while it is imported."""
    program.load_command_line(flow)
    import metaflow.cli_components.step_cmd
    import metaflow.metaflow_version

    decorated.register(metaflow.cli)
    metaflow.metaflow_version.get_version()
