"""What a flow's file has around the call of its flow: a forked task never returns there, where one of `run` does."""

from __future__ import annotations

import ast
import sys
from types import FrameType
from typing import Any, Optional

from .. import own_code

#: What catches the end of a task, which leaves by SystemExit.
_CATCHING = frozenset({"BaseException", "SystemExit"})


def left() -> list[str]:
    """The blocks of the flow's own code that are to be left after the call that we are in, in words."""
    found = []
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if own_code.is_own(file):
            found += [own_code.place(file, line) for line in _blocks(file, frame.f_lineno)]
        frame = frame.f_back
    return [f"a `with` or `finally` around its call ({', '.join(found)})"] if found else []


def _blocks(file: str, line: int) -> list[int]:
    """Lines at which those blocks of a file begin that something follows when this line of them ends the process."""
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):  # no file, or changed meanwhile
        return []
    nodes: list[Any] = list(ast.walk(tree))
    return [node.lineno for node in nodes if _follows(node) and _holds(node, line)]


def _follows(node: Any) -> bool:
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
