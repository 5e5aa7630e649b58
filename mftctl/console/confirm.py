"""Confirmation before something is deleted or stopped."""

from __future__ import annotations

import sys

from ..model.errors import MftctlError, UsageError


def confirm(question: str, *, yes: bool) -> None:
    """Ask unless ``yes``: MftctlError with exit code 1 for a no, and 2 if there is no terminal to ask on."""
    if yes:
        return
    if not _is_somebody_there():
        raise UsageError(
            f"{question} There is no terminal to ask on", code="confirm", hint="confirm with --yes"
        )
    if not _answered(question):
        raise MftctlError("not confirmed; nothing was changed", code="declined")


def objected(question: str) -> bool:
    """Whether somebody at a terminal says no; a script is not asked."""
    return _is_somebody_there() and not _answered(question)


def _is_somebody_there() -> bool:
    return bool(sys.stdin) and sys.stdin.isatty() and sys.stderr.isatty()


def _answered(question: str) -> bool:
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
