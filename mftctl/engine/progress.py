"""Counts of a run's tasks by step and state, as the `progress` query and live views show them."""

from __future__ import annotations

from typing import Any

STATES = ("known", "running", "done", "failed")


class Progress:
    """The numbers of tasks known, running, done and failed, by step."""

    def __init__(self, steps: tuple[str, ...]) -> None:
        self._counts = {step: dict.fromkeys(STATES, 0) for step in steps}

    def expect(self, step: str, count: int = 1) -> None:
        """Count ``count`` more known tasks of ``step``."""
        self._counts.setdefault(step, dict.fromkeys(STATES, 0))["known"] += count

    def started(self, step: str) -> None:
        """Count a task of ``step`` as running."""
        self._counts[step]["running"] += 1

    def unstarted(self, step: str) -> None:
        """Count a task of ``step`` as not running: a worker gave it back unstarted."""
        self._counts[step]["running"] -= 1

    def ended(self, step: str, state: str) -> None:
        """Count a running task of ``step`` as ``done`` or ``failed``."""
        self._counts[step]["running"] -= 1
        self._counts[step][state] += 1

    def merge(self, other: dict[str, dict[str, int]]) -> None:
        """Add the counts of a child workflow, or of an earlier execution."""
        for step, counts in other.items():
            known = self._counts.setdefault(step, dict.fromkeys(STATES, 0))
            for state in STATES:
                known[state] += counts.get(state, 0)

    def tally(self) -> list[int]:
        """The numbers of tasks done and known."""
        return [sum(counts[state] for counts in self._counts.values()) for state in ("done", "known")]

    def to_plain(self) -> dict[str, Any]:
        """JSON values, without zeros and steps without tasks."""
        seen = {step: counts for step, counts in self._counts.items() if any(counts.values())}
        return {
            step: {state: count for state, count in counts.items() if count} for step, counts in seen.items()
        }
