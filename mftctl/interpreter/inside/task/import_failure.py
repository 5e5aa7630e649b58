"""A flow that cannot be imported: whether the flow or the machine is to blame, and what its tasks print.

An error of the flow's own code comes again wherever it is imported: its tasks fail at once, without a retry, with the
user's traceback. What the machine lacks (memory, disk, processes) may be there later, or on another machine.
"""

from __future__ import annotations

import errno
import traceback
from typing import Any, Optional

from .. import own_code

#: Metaflow's METAFLOW_EXIT_DISALLOW_RETRY: the exit code of a task that is not retried.
EXIT_DISALLOW_RETRY = 202
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


def is_of_machine(error: BaseException) -> bool:
    """Whether an import may have failed because the machine lacks memory, disk, processes or descriptors."""
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


def text(error: BaseException, hint: str = "") -> str:
    """What `python flow.py` would print of the error: a traceback without mftctl's frames, or the exit."""
    if isinstance(error, SystemExit):
        message = f"{error.code}\n" if isinstance(error.code, str) else ""
        return f"{message}SystemExit: {error.code}: the flow's file exited while it was imported\n"
    trace = traceback.TracebackException.from_exception(error)
    _drop_own_frames(trace)
    return "".join(trace.format()) + (f"({hint})\n" if hint else "")


def no_flow(file: str) -> str:
    """The reason for a file that starts no flow."""
    return f"{file} ran to its end and started no flow\n"


def _drop_own_frames(trace: Any) -> None:
    seen: set[int] = set()
    while trace is not None and id(trace) not in seen:
        seen.add(id(trace))
        trace.stack[:] = [frame for frame in trace.stack if not own_code.is_mftctl(frame.filename)]
        trace = trace.__cause__ or trace.__context__
