"""A flow that cannot be imported: whose fault that is, and what its tasks say of it.

The flow's own fault stays the same wherever it is imported and however often: its tasks fail at once, for good, with
the user's traceback. What the machine lacks (memory, disk, processes) may be there later, or elsewhere.
"""

from __future__ import annotations

import errno
import os
import traceback
from typing import Any, Optional

from .... import ROOT
from ..attempt.start import Fork, Process

#: Metaflow's METAFLOW_EXIT_DISALLOW_RETRY: this failure is not to be retried.
EXIT_DISALLOW_RETRY = 202
_OURS = os.path.join(ROOT, "")
_LACKING = {
    errno.EAGAIN,
    errno.EDQUOT,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EROFS,
    errno.ESTALE,
}


class Unloadable:
    """Starts processes that say why the flow cannot be imported, and fail for good."""

    bounded = False

    def __init__(self, why: str, prelude: tuple[bytes, bytes] = (b"", b"")) -> None:
        self.prelude = prelude
        self._why = why.encode("utf-8", errors="replace")

    def start(
        self,
        argv: list[str],  # noqa: ARG002 - whatever the task is
        env: dict[str, str],  # noqa: ARG002
        stdout: int,  # noqa: ARG002
        stderr: int,
        ours: list[int],  # noqa: ARG002
    ) -> Process:
        """See Starter."""
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                left = self._why
                while left:
                    left = left[os.write(stderr, left) :]
            finally:
                os._exit(EXIT_DISALLOW_RETRY)
        return Fork(pid)


def is_machines(error: BaseException) -> bool:
    """Whether the machine may be why an import failed: it lacks memory, disk, processes or descriptors."""
    seen: list[BaseException] = []
    found: Optional[BaseException] = error
    while found is not None and found not in seen:
        seen.append(found)
        if isinstance(found, MemoryError) or (isinstance(found, OSError) and found.errno in _LACKING):
            return True
        if isinstance(found, RuntimeError) and "can't start new thread" in str(found):
            return True
        found = found.__cause__ or found.__context__
    return False


def why(error: BaseException, more: str = "") -> str:
    """What `python flow.py` would print of an import's end: a traceback without our frames, or what it exited with."""
    if isinstance(error, SystemExit):
        said = f"{error.code}\n" if isinstance(error.code, str) else ""
        return f"{said}SystemExit: {error.code}: the flow's file exits while it is imported\n"
    told = traceback.TracebackException.from_exception(error)
    _without_ours(told)
    return "".join(told.format()) + (f"({more})\n" if more else "")


def ends_without_flow(file: str) -> str:
    """What is said of a file that starts no flow."""
    return f"{file} has run to its end without starting its flow\n"


def _without_ours(told: Any) -> None:
    seen: set[int] = set()
    while told is not None and id(told) not in seen:
        seen.add(id(told))
        told.stack[:] = [frame for frame in told.stack if not frame.filename.startswith(_OURS)]
        told = told.__cause__ or told.__context__
