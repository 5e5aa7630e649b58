"""Stands for a function while an import is watched, wherever the flow has kept it."""

from __future__ import annotations

import functools
import pkgutil
from typing import Any, Callable


class StandIn:
    """Calls ``call`` in place of the ``original``, a function written in C; ``name``: where that is (``time:time``).

    Like that one, and unlike a function written in Python, it does not become a method as an attribute of a class
    (``converter = time.gmtime``), and can be pickled: by its name, which the original has again after the import.
    """

    def __init__(self, original: Any, call: Callable[..., Any], name: str) -> None:
        functools.update_wrapper(self, original)
        self._call = call
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        return self._call(*args, **kwargs)

    def __reduce__(self) -> Any:
        return pkgutil.resolve_name, (self._name,)


def put(module: Any, name: str, call: Callable[..., Any]) -> tuple[StandIn, Callable[[], None]]:
    """Set a stand-in that calls ``call`` as the module's ``name``; it, and what puts the original back."""
    original = getattr(module, name)
    stand_in = StandIn(original, call, f"{module.__name__}:{name}")
    setattr(module, name, stand_in)

    def undo() -> None:
        # The flow may have set a function of its own.
        if getattr(module, name, None) is stand_in:
            setattr(module, name, original)

    return stand_in, undo
