"""Signal handlers of a flow's import: its tasks have them, and the host and its supervisors have their own."""

from __future__ import annotations

import signal
from typing import Any

#: What a host and its supervisors set for themselves, and what a task has where the import has set nothing.
_OURS: dict[Any, Any] = {
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}


class Signals:
    """Handlers and blocked signals as they are when this is made, and what an import makes of them."""

    def __init__(self) -> None:
        self._before = _handlers()
        self._blocked = _blocked()
        self._set: dict[Any, Any] = {}
        self._block = self._blocked

    def keep(self) -> None:
        """The import is over: remember what it has set, and set it back for this process."""
        after = _handlers()
        self._set = {number: one for number, one in after.items() if one is not self._before[number]}
        self._block = _blocked()
        for number in self._set:
            signal.signal(number, self._before[number])
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)

    def settle_child(self) -> None:
        """In a forked child: what a new process has after the same import."""
        settle_child()
        for number, handler in self._set.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._block)


def settle_child() -> None:
    """In a forked child: nothing of its supervisor's is left."""
    signal.set_wakeup_fd(-1)
    for number, handler in _OURS.items():
        signal.signal(number, handler)


def _handlers() -> dict[Any, Any]:
    """What Python calls for each signal. Those that are not set from Python, and cannot be, are left out."""
    found = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {number: handler for number, handler in found.items() if handler is not None}


def _blocked() -> set[Any]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
