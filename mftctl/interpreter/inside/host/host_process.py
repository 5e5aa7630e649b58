"""The host: imports metaflow and the flow once, then forks a supervisor for each socket that the worker passes.

The worker passes as many sockets (``send_fds``) as it runs tasks at once. A supervisor runs the attempts that are
requested through its socket, each as one more fork; when the worker is gone, it ends with its task. The host ends with
its worker.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from time import monotonic, sleep
from typing import NoReturn, Optional

from ....model.codec import from_plain
from ....model.errors import MftctlError
from ....model.manifest import Launch
from .. import metaflow_version, protocol
from ..channel import Channel
from ..environment import config_options, forget_options
from ..package_cache import hold, is_whole, work_folder
from ..search_path import add_package
from ..uncollected import uncollected

#: Seconds that the compilation has to end in when nobody waits for it any more.
GRACE = 5.0


def main(fd: str, compiler: Optional[int] = None) -> None:
    """Serve the worker at the other end of the socket ``fd``.

    It sends one request, ``load``, with ``launch``, ``isolation``, ``folder`` and ``file``. ``folder``: of the unpacked
    code package, which is fetched if needed. ``file``: the user's own file, for tasks that run in place (`run`); null
    for tasks that run from the package.

    ``compiler``: the process that compiles the flow, where this one was started for that. It is waited for, and the
    request has the ``environment`` that has changed since: values by name, None for what is gone.
    """
    channel = Channel.of_fd(int(fd))
    request = protocol.receive(channel)
    code = 0 if compiler is None else wait_for_compiler(compiler, channel)
    if request is None:
        _exit(code)
    config = request.fields
    for name, value in config.get("environment", {}).items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    launch, folder = from_plain(Launch, config["launch"]), config["folder"]
    file = config["file"] or os.path.join(folder, launch.file)
    problem = None
    if not (is_whole(folder) and hold(folder)):
        problem = _fetch(launch, folder)
        hold(folder)
    _exit_on(request, problem)
    if not config["file"] and launch.cwd is None:
        os.chdir(work_folder(folder, launch))
    launch = replace(launch, options=(*launch.options, *config_options(launch, folder)))
    forget_options(in_place=bool(config["file"]))
    add_package()
    _exit_on(request, metaflow_version.problem())
    with uncollected():
        # These import metaflow: not before `add_package`.
        from ..attempt.task_process import Spawned
        from . import flow_import, fork_server

    if config["isolation"] == "spawn":
        fork_server.serve(request, launch, Spawned(file))
    flow_import.serve(request, launch, file)


def wait_for_compiler(pid: int, channel: Channel) -> int:
    """Wait for its end, exit handlers of the flow included; its exit code, or minus a signal.

    It is killed when this process is terminated, or when nobody is at the other end of the channel and it does not end.
    """

    def stop(*_: object) -> NoReturn:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, stop)
    gone: Optional[float] = None
    try:
        while True:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                return os.waitstatus_to_exitcode(status)
            if gone is None and channel.hung_up():
                gone = monotonic()
            if gone is not None and monotonic() - gone > GRACE:
                os.kill(pid, signal.SIGKILL)
            sleep(0.005)
    except ChildProcessError:  # whoever started us ignores the ends of children: so does the kernel
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(code: int) -> NoReturn:
    """Exit as a process that ended with this code, or by minus this signal."""
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _exit_on(request: protocol.Request, problem: Optional[str]) -> None:
    if problem:
        request.fail(MftctlError(problem))
        sys.exit(1)


def _fetch(launch: Launch, folder: str) -> Optional[str]:
    """Get the code package; why that failed, or None.

    In a fork, because metaflow looks for its package when it is imported.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            from ..package_archive import fetch

            fetch(launch, folder)
        except BaseException as error:
            os.write(write, f"cannot read the code package {launch.package.url}: {error}".encode()[:4000])
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8", errors="replace") as problem:
        found = problem.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code and not found:  # killed, such as for want of memory
        found = (
            f"cannot read the code package {launch.package.url}: the process that reads it ended with {code}"
        )
    return found or None
