"""Finds blocks around the call of the flow that must run at its end: a forked task does not return to them."""

from __future__ import annotations

import ast
import sys
from types import FrameType
from typing import Any, Optional

from .. import own_code

#: Exceptions whose handlers catch the SystemExit that ends a task.
_CATCHING = frozenset({"BaseException", "SystemExit"})


def problems() -> list[str]:
    """The ``with`` and ``try`` blocks of the flow's own code that the current call is in, in one sentence."""
    found = []
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if own_code.is_own(file):
            found += [own_code.place(file, line) for line in _blocks(file, frame.f_lineno)]
        frame = frame.f_back
    return [f"a `with` or `finally` around its call ({', '.join(found)})"] if found else []


def _blocks(file: str, line: int) -> list[int]:
    """The first lines of the blocks around a line that run code when the line ends the process."""
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):  # no file, or it has changed
        return []
    nodes: list[Any] = list(ast.walk(tree))
    return [node.lineno for node in nodes if _runs_at_end(node) and _holds(node, line)]


def _runs_at_end(node: Any) -> bool:
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return True
    return isinstance(node, ast.Try) and (bool(node.finalbody) or any(map(_catches, node.handlers)))


def _catches(handler: ast.ExceptHandler) -> bool:
    names = (
        {one.id for one in ast.walk(handler.type) if isinstance(one, ast.Name)} if handler.type else _CATCHING
    )
    return bool(names & _CATCHING)


def _holds(node: Any, line: int) -> bool:
    return bool(node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0))
