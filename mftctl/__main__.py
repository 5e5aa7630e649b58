"""The `mftctl` command: from argv to an exit code, and out of the process.

A process that used temporalio can crash in interpreter shutdown after its work is done (temporalio/sdk-python#300), so
`main` runs the exit handlers, flushes, and leaves by `os._exit`.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from typing import NoReturn

from . import __version__
from .console.process_exit import leave
from .model.errors import Exit, MftctlError


class Terminated(KeyboardInterrupt):
    """SIGTERM, or SIGHUP, the end of the terminal: unwinds as Ctrl-C does, so that whatever was begun is ended."""

    def __init__(self, exit: Exit) -> None:
        super().__init__()
        self.exit = exit


def main() -> NoReturn:
    """Run the command line of this process and leave it."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, _terminate)
    # Imports make many objects that stay: looking for garbage among them is a tenth of their time. Commands that
    # live long switch it on again (console/process.py).
    gc.disable()
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a locale without the letter is no reason to fail
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt as interrupt:
        code = _interrupted(interrupt)
    leave(code)


def _open_closed() -> None:
    """Open what whoever started us has closed: what would be opened next, a connection, would be taken for it."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            # The lowest that is free, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    # Python has found nothing there, and nobody reads what is written to either.
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - kept open
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def run(argv: list[str]) -> int:
    """Run one command and give its exit code; what went wrong is said on stderr."""
    try:
        from .console import output

        output.begin(argv)
        try:
            if argv == ["--version"]:
                output.write(f"mftctl {__version__}\n")
                return Exit.OK
            if argv[:1] == ["__complete"]:
                from .cli.name_completion import complete

                return complete([word for word in argv[1:] if word != "--"])
            from .cli.app import call

            return output.render(call(argv))
        except MftctlError as error:
            return output.fail(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours, or of the disk: said in one line
            from .console.crash_report import report

            return output.fail(report(error))
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt)
    except SystemExit as left:  # rich's way out when nobody reads its help any more
        return left.code if isinstance(left.code, int) else Exit.FAILED


def _terminate(number: int, frame: object) -> None:  # noqa: ARG001 - a signal handler's signature
    raise Terminated(Exit(128 + number))


def _interrupted(interrupt: KeyboardInterrupt) -> int:
    return interrupt.exit if isinstance(interrupt, Terminated) else Exit.INTERRUPTED


if __name__ == "__main__":
    main()
