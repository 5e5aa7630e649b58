"""Notices a flow that reads its command line while it is imported: under `run` each task has a command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Optional

from .. import own_code


class CommandLine:
    """Watches ``sys.argv`` from ``watch`` to ``stop``."""

    def __init__(self) -> None:
        self._watched: Optional[_Watched] = None

    def watch(self, file: str) -> None:
        """Set ``sys.argv`` to the flow's ``file`` alone, and notice reads of more."""
        sys.argv = self._watched = _Watched([file])

    def stop(self) -> None:
        """Make ``sys.argv`` a plain list again, unless the flow has set it."""
        if sys.argv is self._watched:
            sys.argv = list.copy(sys.argv)

    def problems(self) -> list[str]:
        """The first read: ``the command line read at train.py:3``."""
        where = self._watched.where if self._watched is not None else None
        return [] if where is None else [f"the command line read at {where}"]


class _Watched(list[str]):
    """A list that notices reads of other items than the first."""

    where: Optional[str] = None

    def __getitem__(self, index: Any) -> Any:
        if index != 0:
            self._note()
        return super().__getitem__(index)

    def __len__(self) -> int:
        self._note()
        return super().__len__()

    def __iter__(self) -> Iterator[str]:
        self._note()
        return super().__iter__()

    def __contains__(self, word: object) -> bool:
        self._note()
        return super().__contains__(word)

    def _note(self) -> None:
        # Reads by libraries (argparse) do not count: a flow has no options but Metaflow's.
        code, line = sys._getframe(2).f_code, sys._getframe(2).f_lineno
        if self.where is None and own_code.is_own(code.co_filename):
            self.where = own_code.place(code.co_filename, line)
