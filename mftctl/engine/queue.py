"""The tasks that can start, deepest foreach first, so that a run finishes started splits before it starts others.

A fan stays one entry until its splits start, so that the queue of a wide or nested foreach stays small enough for
continue-as-new.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

from ..model.codec import from_plain, to_plain
from ..model.task import Task
from .plan import Fan, Ready


class Queue:
    """Tasks, fans whose splits run in this workflow, and fans for child workflows.

    A fan wider than ``inline`` is divided into fans of ``chunk`` splits for child workflows, except ``scope``, the one
    that this workflow runs.
    """

    def __init__(self, inline: int, chunk: int, scope: Fan | None = None) -> None:
        self._inline = inline
        self._chunk = chunk
        self._scope = scope
        self._heap: list[tuple[int, int, Ready, bool]] = []
        self._count = 0

    def add(self, items: Iterable[Ready]) -> None:
        """Add what the plan returned."""
        for item in items:
            if not isinstance(item, Fan):
                self._push(len(item.ref.path), item)
            elif item.width <= self._inline or self._is_scope(item):
                self._push(len(item.parent.path) + 1, item)
            else:
                for part in item.cut(self._chunk):
                    self._push(len(item.parent.path) + 1, part, child=True)

    def next(self) -> Ready | None:
        """The next task, or the next fan for a child workflow; None when the queue is empty."""
        if not self._heap:
            return None
        depth, count, item, child = self._heap[0]
        if not isinstance(item, Fan) or child:
            heapq.heappop(self._heap)
            return item
        if item.width == 1:
            heapq.heappop(self._heap)
        else:
            self._heap[0] = (depth, count, item.part(item.low + 1, item.high), False)
        return item.task(item.low)

    def dump(self) -> list[dict[str, Any]]:
        """The entries as JSON values."""
        return [
            {"fan" if isinstance(item, Fan) else "task": to_plain(item), "child": child}
            for _, _, item, child in sorted(self._heap, key=lambda entry: entry[:2])
        ]

    def load(self, entries: list[dict[str, Any]]) -> None:
        """Restore the entries that ``dump`` returned."""
        for entry in entries:
            if "fan" in entry:
                fan = from_plain(Fan, entry["fan"])
                self._push(len(fan.parent.path) + 1, fan, child=entry["child"])
            else:
                task = from_plain(Task, entry["task"])
                self._push(len(task.ref.path), task)

    def _is_scope(self, fan: Fan) -> bool:
        return self._scope is not None and (fan.parent, fan.step) == (self._scope.parent, self._scope.step)

    def _push(self, depth: int, item: Ready, child: bool = False) -> None:
        # The count makes entries unique, so that the heap never compares the items themselves.
        self._count += 1
        heapq.heappush(self._heap, (-depth, self._count, item, child))
