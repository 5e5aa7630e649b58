"""The `mftctl` command: from argv to an exit code, and out of the process.

A process that used temporalio can crash in interpreter shutdown after its work is done (temporalio/sdk-python#300), so
`main` runs the exit handlers, flushes, and leaves by `os._exit`.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from . import __version__
from .cli.leaving import leave
from .errors import Exit, MftctlError


class Terminated(KeyboardInterrupt):
    """SIGTERM: unwinds as Ctrl-C does, so that whatever was begun is ended."""


def main() -> NoReturn:
    """Run the command line of this process and leave it."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt as interrupt:
        code = _interrupted(interrupt)
    leave(code)


def run(argv: list[str]) -> int:
    """Run one command and give its exit code; what went wrong is said on stderr."""
    if argv in (["--version"], ["version"]):
        sys.stdout.write(f"mftctl {__version__}\n")
        return Exit.OK
    try:
        from .cli import output

        form = output.chosen(argv)
        try:
            from .cli.app import call

            return output.render(call(argv), form)
        except MftctlError as error:
            return output.fail(error, form)
        except KeyboardInterrupt as interrupt:
            return _interrupted(interrupt)
        except BrokenPipeError:
            return _nobody_reads()
        except Exception as error:  # noqa: BLE001 - a bug of ours: said in one line, kept in full in a file
            from .cli.crash import report

            return output.fail(report(error), form)
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt)


def _terminate(number: int, frame: object) -> None:  # noqa: ARG001 - a signal handler's signature
    raise Terminated


def _interrupted(interrupt: KeyboardInterrupt) -> int:
    return Exit.TERMINATED if isinstance(interrupt, Terminated) else Exit.INTERRUPTED


def _nobody_reads() -> int:
    """Whoever read our output has gone, as `head` does: no error, and nothing more to be flushed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.OK


if __name__ == "__main__":
    main()
