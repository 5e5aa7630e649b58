"""Questions before something is destroyed: asked on a terminal, answered with --yes elsewhere."""

from __future__ import annotations

import sys

from ..errors import Exit, MftctlError


def confirm(question: str, *, yes: bool) -> None:
    """Go on only when it is wanted: MftctlError with exit code 2 where nobody can be asked, and 1 for a no."""
    if yes:
        return
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise MftctlError(
            f"{question} There is no terminal to ask on",
            exit=Exit.USAGE,
            code="confirm",
            hint="say --yes",
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise MftctlError("nothing was changed", code="declined")
