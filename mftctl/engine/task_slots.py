"""The slots of a run: how many of its tasks may be in flight, in its workflow and in the parts of its foreaches.

A part (a child workflow) gets slots when it starts. When its last splits run, it gives back those that it will not need
again: one slow split would keep all of them for as long as it runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model.manifest import Step
from .plan import SplitRange

#: Tasks in flight in a workflow (the server refuses 2,000 pending activities, and recommends 500).
MAX_SLOTS = 400
#: Types of steps that are followed by one task at most.
_SINGLE = frozenset({"linear", "join", "end", "split-switch"})


class TaskSlots:
    """``total`` slots, of which ``free`` are not in use."""

    def __init__(self, total: int) -> None:
        self.total = self.free = total
        self._parts: dict[str, int] = {}

    def for_part(self, splits: SplitRange) -> int:
        """How many slots a part gets that starts now: at most half of all, and no more than it has splits."""
        return min(self.free, max(1, (self.total + 1) // 2), splits.width)

    def too_few(self, number: int, splits: SplitRange) -> bool:
        """Whether a part would take long with so few slots, which it keeps until its last splits run."""
        return number < min(splits.width, self.total // 4)

    def take(self, number: int, part: str | None = None) -> None:
        """Use free slots, for a task or for a ``part``."""
        self.free -= number
        if part is not None:
            self._parts[part] = number

    def end(self, number: int, part: str | None = None) -> None:
        """Free the slots of what has ended: ``number``, or what its part had left."""
        self.free += number if part is None else self._parts.pop(part)

    @property
    def spare(self) -> int:
        """How many can be given back to the parent: all free ones once they are half of the total, else none."""
        return self.free if self.free * 2 >= self.total else 0

    def drop(self, number: int) -> None:
        """Give free slots back to the parent."""
        self.free -= number
        self.total -= number

    def get_back(self, part: str, number: int) -> None:
        """Free slots that a part has given back. One that has ended has none left."""
        number = min(number, self._parts.get(part, 0))
        if number > 0:
            self._parts[part] -= number
            self.free += number


def one_at_a_time(graph: Mapping[str, Step], splits: SplitRange) -> bool:
    """Whether a split has one task in flight at a time: no step of it opens a split or a foreach."""
    end = graph[splits.parent.step].join
    known, left = set(), [splits.step]
    while left:
        name = left.pop()
        if name in known or name == end:
            continue
        known.add(name)
        left += graph[name].next
    return all(graph[name].type in _SINGLE for name in known)
