"""Signal handlers: a flow's tasks have those of its import, the host and its supervisors have their own."""

from __future__ import annotations

import signal
from typing import Any

#: Handlers that a host or a supervisor sets, and what a task has instead, unless the import sets one.
_OURS: dict[Any, Any] = {
    signal.SIGALRM: signal.SIG_DFL,
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}


class SignalHandlers:
    """Handlers and blocked signals before an import, and those that the import sets."""

    def __init__(self) -> None:
        self._before = _handlers()
        self._blocked = _blocked()
        self._set: dict[Any, Any] = {}
        self._block = self._blocked

    def stop(self) -> None:
        """Keep what the import has set, and undo it in this process."""
        after = _handlers()
        self._set = {number: one for number, one in after.items() if one is not self._before[number]}
        self._block = _blocked()
        for number in self._set:
            signal.signal(number, self._before[number])
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)

    def set_child(self) -> None:
        """In a forked child: set the handlers that a new process has after the same import."""
        reset_child()
        for number, handler in self._set.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._block)


def reset_child() -> None:
    """In a forked child: unset the handlers of its supervisor."""
    signal.set_wakeup_fd(-1)
    for number, handler in _OURS.items():
        signal.signal(number, handler)


def _handlers() -> dict[Any, Any]:
    """Python's handler of each signal, without signals whose handler Python did not set and cannot set."""
    found = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {number: handler for number, handler in found.items() if handler is not None}


def _blocked() -> set[Any]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
