"""The tasks that can start, deepest foreach first, so that a run finishes started splits before it starts others.

A range of splits stays one entry until they start, so that the queue of a wide or nested foreach stays small enough for
continue-as-new.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

from ..model.codec import from_plain, to_plain
from ..model.task import Task
from .plan import Ready, SplitRange


class ReadyQueue:
    """Tasks, splits that run in this workflow, and splits for child workflows.

    A range wider than ``inline`` is divided into ranges of ``chunk`` splits for child workflows, except ``scope``, the
    one that this workflow runs.
    """

    def __init__(self, inline: int, chunk: int, scope: SplitRange | None = None) -> None:
        self._inline = inline
        self._chunk = chunk
        self._scope = scope
        self._heap: list[tuple[int, int, Ready, bool]] = []
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, items: Iterable[Ready]) -> None:
        """Add what the plan returned."""
        for item in items:
            if not isinstance(item, SplitRange):
                self._push(len(item.ref.path), item)
            elif item.width <= self._inline or self._is_scope(item):
                self._push(len(item.parent.path) + 1, item)
            else:
                for part in item.cut(self._chunk):
                    self._push(len(item.parent.path) + 1, part, child=True)

    def next(self) -> Ready | None:
        """The next task, or the next splits for a child workflow; None when the queue is empty."""
        if not self._heap:
            return None
        depth, count, item, child = self._heap[0]
        if not isinstance(item, SplitRange) or child:
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
            {"fan" if isinstance(item, SplitRange) else "task": to_plain(item), "child": child}
            for _, _, item, child in sorted(self._heap, key=lambda entry: entry[:2])
        ]

    def load(self, entries: list[dict[str, Any]]) -> None:
        """Restore the entries that ``dump`` returned."""
        for entry in entries:
            if "fan" in entry:
                splits = from_plain(SplitRange, entry["fan"])
                self._push(len(splits.parent.path) + 1, splits, child=entry["child"])
            else:
                task = from_plain(Task, entry["task"])
                self._push(len(task.ref.path), task)

    def _is_scope(self, splits: SplitRange) -> bool:
        return self._scope is not None and (splits.parent, splits.step) == (
            self._scope.parent,
            self._scope.step,
        )

    def _push(self, depth: int, item: Ready, child: bool = False) -> None:
        # The count makes entries unique, so that the heap never compares the items themselves.
        self._count += 1
        heapq.heappush(self._heap, (-depth, self._count, item, child))
