"""Errors of mftctl: a message in one line, an exit code and a code for scripts, and a hint for people."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit codes of the command line (docs/reference/exit-codes.md)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    RUN_FAILED = 3
    NOT_FOUND = 4
    UNREACHABLE = 5
    CONFLICT = 6
    TIMEOUT = 124
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class MftctlError(Exception):
    """An expected failure.

    ``message``: what failed and where, in one line. ``hint``: what to do next. ``code``: a stable name for programs,
    such as ``flow.invalid``. ``log``: more lines, such as the user's own traceback. ``exit``: the exit code; it and the
    code are by default those of the class.
    """

    exit = Exit.FAILED
    code = "failed"

    def __init__(
        self,
        message: str,
        *,
        exit: Exit | None = None,
        code: str = "",
        hint: str = "",
        log: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        if exit is not None:
            self.exit = exit
        self.code = code or self.code
        self.hint = hint
        self.log = log

    def to_plain(self) -> dict[str, Any]:
        """JSON values, for another process."""
        return {
            "message": self.message,
            "code": self.code,
            "hint": self.hint,
            "exit_code": int(self.exit),
            "log": list(self.log),
        }

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> MftctlError:
        """The error that ``to_plain`` gave."""
        return MftctlError(
            plain["message"],
            exit=Exit(plain["exit_code"]),
            code=plain["code"],
            hint=plain["hint"],
            log=tuple(plain["log"]),
        )


class UsageError(MftctlError):
    """A wrong argument, value or setting."""

    exit = Exit.USAGE
    code = "usage"


class NotFoundError(MftctlError):
    """Something that was named does not exist, or the name is ambiguous."""

    exit = Exit.NOT_FOUND


class UnreachableError(MftctlError):
    """The Temporal server cannot be used."""

    exit = Exit.UNREACHABLE


class ConflictError(MftctlError):
    """The state of something does not allow the operation."""

    exit = Exit.CONFLICT
