"""What a worker reports about its tasks, for its own log or the live view of `mftctl run`."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.attempt import Attempt, NextAttempt
from ..model.task import Outcome


class Observer:
    """Receives what every attempt does and ignores it. ``wants_lines``: send output line by line."""

    wants_lines = False

    def started(self, attempt: Attempt) -> None:
        """An attempt started."""

    def line(self, attempt: Attempt, stream: str, text: str, at: float) -> None:
        """It printed a line at Unix time ``at``."""

    def finished(self, attempt: Attempt, outcome: Outcome) -> None:
        """It completed; ``outcome``: where it goes from here."""

    def failed(self, attempt: Attempt, message: str, log: Sequence[str], again: NextAttempt | None) -> None:
        """It failed; ``again`` is the next attempt, if there is one."""

    def cancelled(self, attempt: Attempt) -> None:
        """It was stopped because its run was cancelled."""

    def hook(self, flow: str, run_id: str, name: str, ok: bool, output: list[str]) -> None:
        """A function of @exit_hook was called, and printed ``output``."""

    def report(self, message: str, about: Attempt | str | None = None) -> None:
        """Show a message of the worker; ``about``: the attempt, or the id of the run, that it concerns."""
