"""Stands for a function while an import is watched, wherever the flow has kept it."""

from __future__ import annotations

import copy
import functools
from typing import Any, Callable


class StandIn:
    """Calls ``call`` in place of the ``original``, a function written in C.

    Like that one, and unlike a function written in Python, it does not become a method as an attribute of a class
    (``converter = time.gmtime``), and can be pickled: as the original, which has its name again after the import.
    """

    def __init__(self, original: Any, call: Callable[..., Any]) -> None:
        functools.update_wrapper(self, original)
        self._original = original
        self._call = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        return self._call(*args, **kwargs)

    def __reduce__(self) -> Any:
        return copy.copy, (self._original,)
