"""End a task with its supervisor: nobody would collect its result, and another attempt starts elsewhere."""

from __future__ import annotations

import signal
import sys
from os import getpid, getppid, kill  # their own, whatever the flow makes of them

_PR_SET_PDEATHSIG = 1


def end_with(parent: int, by: int = signal.SIGKILL) -> None:
    """Let the kernel send this process the signal ``by`` when the process ``parent``, which started it, ends.

    Where the parent has ended already, it is sent now. It holds on Linux only, and through ``exec``.
    """
    if sys.platform != "linux":
        return
    _libc.prctl(_PR_SET_PDEATHSIG, by)
    if getppid() != parent:
        kill(getpid(), by)


if sys.platform == "linux":
    import ctypes

    _libc = ctypes.CDLL(None)
