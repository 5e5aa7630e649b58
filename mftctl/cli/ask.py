"""Questions before something is destroyed or stopped."""

from __future__ import annotations

import sys

from ..model.errors import Exit, MftctlError


def confirm(question: str, *, yes: bool) -> None:
    """Go on only when it is wanted: MftctlError with exit code 2 where nobody can be asked, and 1 for a no."""
    if yes:
        return
    if not _is_somebody_there():
        raise MftctlError(
            f"{question} There is no terminal to ask on",
            exit=Exit.USAGE,
            code="confirm",
            hint="say --yes",
        )
    if not _answered(question):
        raise MftctlError("nothing was changed", code="declined")


def objected(question: str) -> bool:
    """Whether somebody is there to be asked and says no; for what a script may do by naming it."""
    return _is_somebody_there() and not _answered(question)


def _is_somebody_there() -> bool:
    return bool(sys.stdin) and sys.stdin.isatty() and sys.stderr.isatty()


def _answered(question: str) -> bool:
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
