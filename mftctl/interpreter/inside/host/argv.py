"""Whether a flow's own code reads its command line while it is imported: each task of `run` has one of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Optional

from .. import own_code


class Argv:
    """Watches ``sys.argv`` from `watch` to `stop`."""

    def __init__(self) -> None:
        self._watched: Optional[_Watched] = None

    def watch(self, file: str) -> None:
        """From here on, ``sys.argv`` has the flow's ``file`` alone, and who looks for more is noticed."""
        sys.argv = self._watched = _Watched([file])

    def stop(self) -> None:
        """The import is over: ``sys.argv`` is a list again, unless the flow has put another there."""
        if sys.argv is self._watched:
            sys.argv = list.copy(sys.argv)

    def read(self) -> list[str]:
        """Where it was read first: ``the command line read at train.py:3``."""
        where = self._watched.where if self._watched is not None else None
        return [] if where is None else [f"the command line read at {where}"]


class _Watched(list[str]):
    """Notices reads of what may stand after the file's name."""

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
        # A library's own look, as argparse has it, is not asked for here: a flow has no options but Metaflow's.
        code, line = sys._getframe(2).f_code, sys._getframe(2).f_lineno
        if self.where is None and own_code.is_own(code.co_filename):
            self.where = own_code.place(code.co_filename, line)
