"""Finds the files that a flow's source names: string literals that are paths of files beside the flow."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator

#: Characters that a literal may have to be taken for a path.
MAX_PATH = 255
#: Calls whose files Metaflow saves itself.
_SAVED = frozenset({"IncludeFile", "Config"})
#: Names of methods that write a file begin with one of these.
_WRITING = ("to_", "save", "write")
#: Modules that read `.env` without a literal.
_DOTENV = frozenset({"dotenv"})


def named_files(folder: str, sources: Iterable[str]) -> set[str]:
    """Paths, relative to ``folder``, of the files in it that the ``sources`` name, as a literal or as joined parts."""
    found = set()
    for source in sources:
        try:
            with open(source, "rb") as file:
                tree = ast.parse(file.read())
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):  # not a readable source
            continue
        for text in _texts(tree):
            if not 0 < len(text) <= MAX_PATH or "\0" in text or "\n" in text:
                continue
            path = os.path.normpath(os.path.join(folder, text))
            if path.startswith(os.path.join(folder, "")) and os.path.isfile(path):
                found.add(os.path.relpath(path, folder))
    return found


def _texts(tree: ast.AST) -> Iterator[str]:
    # Not recursive: code that was generated may be nested more deeply than calls may.
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                yield node.value
            continue
        if isinstance(node, ast.Call) and _saves_or_writes(node):
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)) and _DOTENV & _imported(node):
            yield ".env"
        joined = _joined(node)
        if joined:
            yield joined
        nodes.extend(ast.iter_child_nodes(node))


def _saves_or_writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "open":
        modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
        return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax") for mode in modes)
    return name in _SAVED or (isinstance(call.func, ast.Attribute) and name.startswith(_WRITING))


def _imported(node: ast.AST) -> set[str]:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    names += [alias.name for alias in getattr(node, "names", [])] if isinstance(node, ast.Import) else []
    return {name.partition(".")[0] for name in names}


def _joined(node: ast.AST) -> str:
    """The literal parts at the end of ``HERE / "data" / "x.csv"``, ``os.path.join(…)`` and ``joinpath(…)``."""
    parts: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts.insert(0, node.right)
            node = node.left
        parts.insert(0, node)
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("join", "joinpath"):
        parts = list(node.args)
    texts: list[str] = []
    for part in reversed(parts):
        if not (isinstance(part, ast.Constant) and isinstance(part.value, str)):
            break
        texts.insert(0, part.value)
    return os.path.join(*texts) if len(texts) > 1 else ""
