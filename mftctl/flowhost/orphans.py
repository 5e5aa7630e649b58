"""A task must not outlive its supervisor: nobody would collect its result, and another attempt begins elsewhere."""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with(parent: int, by: int = signal.SIGKILL) -> None:
    """Let the kernel send this process the signal ``by`` when the process ``parent``, which started it, ends.

    Where the parent has ended already, it is sent now. It holds on Linux only, and through ``exec``.
    """
    if sys.platform != "linux":
        return
    _libc.prctl(_PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:
        os.kill(os.getpid(), by)


if sys.platform == "linux":
    import ctypes

    _libc = ctypes.CDLL(None)
