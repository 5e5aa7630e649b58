"""What `mftctl dev` does: run the embedded Temporal server and its UI in the foreground."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TypeVar

from ..console.output import Result, say, write
from ..console.process import Signals, collect_garbage, first_of, in_thread
from ..console.process_exit import leave
from ..local import devserver
from ..model.errors import ConflictError, Exit, MftctlError, UsageError

T = TypeVar("T")

DEFAULT_PORT = 7233
DEFAULT_UI_PORT = 8233
#: Seconds to wait for the UI; the server works without it.
UI_TIMEOUT = 10.0


def run_server(port: int | None, ui_port: int | None) -> Result[None]:
    """Run the server until a signal; MftctlError with exit code 6 if it runs already at other ports."""
    for option, wanted in (("--port", port), ("--ui-port", ui_port)):
        if wanted is not None and wanted not in range(65536):
            raise UsageError(f"{option}: {wanted} is not a port", hint="0 is a free one")
    return asyncio.run(_serve(port, ui_port))


async def _serve(port: int | None, ui_port: int | None) -> Result[None]:
    collect_garbage()
    signals = Signals()
    ports = DEFAULT_PORT if port is None else port, DEFAULT_UI_PORT if ui_port is None else ui_port
    # It may be downloaded first, and wait for another one that starts.
    opening = await _unless_interrupted(signals, lambda: devserver.open_server(*ports))
    lease = await _unless_interrupted(signals, opening.lease)
    try:
        if not lease.started:
            _refuse_other_port(port, lease.address)
            _refuse_other_port(ui_port, lease.ui)
            say("sharing the server that another `mftctl run` or `mftctl dev` has started")
        await _unless_interrupted(signals, lambda: _wait_for_ui(lease.ui))
        write(f"Temporal server\t{lease.address}\nUI\t{lease.ui}\nhistory\t{devserver.database()}\n")
        gone = in_thread(lease.wait)
        await first_of(gone, signals.first)
    finally:
        lease.release()
    if gone.done():
        raise MftctlError("the Temporal server has exited", code="server.ended")
    say("stopped")
    return Result()


async def _unless_interrupted(signals: Signals, work: Callable[[], T]) -> T:
    """Do work that waits, in a thread; a signal meanwhile ends the process, and with it what nobody else uses."""
    doing = in_thread(work)
    await first_of(doing, signals.first)
    if not doing.done():
        leave(Exit(128 + signals.first.result()))
    return doing.result()


def _wait_for_ui(url: str) -> None:
    """Wait until the UI answers and has reached the server, which is a moment after the server does."""
    deadline = time.monotonic() + UI_TIMEOUT
    while time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(url.rpartition("/")[2], timeout=UI_TIMEOUT)
            with closing(connection):
                connection.request("GET", "/api/v1/namespaces")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return
        time.sleep(0.02)
    say(f"the UI has not answered for {UI_TIMEOUT:g} s; the server works without it")


def _refuse_other_port(wanted: int | None, where: str) -> None:
    if wanted and not where.endswith(f":{wanted}"):
        raise ConflictError(
            f"the embedded server is already running at {where}, not at port {wanted}",
            code="server.running",
            hint="leave the port out to share it, or wait for the runs that use it",
        )
