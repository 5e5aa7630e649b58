"""Counts of a run's tasks by step, as `progress` queries and live views show them."""

from __future__ import annotations

from typing import Any

STATES = ("known", "running", "done", "failed")


class Progress:
    """Per step: tasks known so far, running, done, failed."""

    def __init__(self, steps: tuple[str, ...]) -> None:
        self._counts = {step: dict.fromkeys(STATES, 0) for step in steps}

    def expect(self, step: str, count: int = 1) -> None:
        """``count`` more tasks of ``step`` are known."""
        self._counts.setdefault(step, dict.fromkeys(STATES, 0))["known"] += count

    def started(self, step: str) -> None:
        """A task of ``step`` was handed to the workers."""
        self._counts[step]["running"] += 1

    def unstarted(self, step: str) -> None:
        """A task of ``step`` came back from the workers as it was."""
        self._counts[step]["running"] -= 1

    def finished(self, step: str) -> None:
        """A task of ``step`` finished well."""
        self._move(step, "done")

    def failed(self, step: str) -> None:
        """A task of ``step`` failed for good."""
        self._move(step, "failed")

    def merge(self, other: dict[str, dict[str, int]]) -> None:
        """Add the counts of a part that ran elsewhere."""
        for step, counts in other.items():
            known = self._counts.setdefault(step, dict.fromkeys(STATES, 0))
            for state in STATES:
                known[state] += counts.get(state, 0)

    def tally(self) -> list[int]:
        """How many tasks are done, and how many are known."""
        return [sum(counts[state] for counts in self._counts.values()) for state in ("done", "known")]

    def to_plain(self) -> dict[str, Any]:
        """JSON values, steps that nothing is known of left out."""
        seen = {step: counts for step, counts in self._counts.items() if any(counts.values())}
        return {
            step: {state: count for state, count in counts.items() if count} for step, counts in seen.items()
        }

    def _move(self, step: str, state: str) -> None:
        self._counts[step]["running"] -= 1
        self._counts[step][state] += 1
