"""Compiles a flow in its own interpreter, at the request of ``interpreter/compilation.py``."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

from ....model.codec import from_plain, to_plain
from ....model.options import Options
from .. import interpreter_end, metaflow_version, protocol
from ..channel import Channel
from ..uncollected import uncollected
from .compile_error import CompileError


def main(fd: str) -> None:
    """Answer requests ``compile`` of a ``file`` with ``options`` and a ``cache`` folder: the fields of a ``Built``."""
    with contextlib.suppress(OSError):  # nobody waits for the answer
        protocol.serve(Channel.of_fd(int(fd)), {"compile": _compile})
    # What Python does at its end, but for tearing down modules, for which whoever compiles would wait.
    interpreter_end.run()
    os._exit(0)


def _compile(request: protocol.Request) -> dict[str, Any]:
    problem = metaflow_version.problem()
    if problem:
        raise CompileError(problem, "python.metaflow", metaflow_version.HINT)
    try:
        with uncollected():
            import metaflow  # noqa: F401
    except ImportError as error:
        raise CompileError(
            f"this Python ({sys.executable}) has no metaflow: {error}",
            "python.metaflow",
            metaflow_version.HINT,
        ) from error
    with uncollected():
        # It imports metaflow, whose absence or age is an error of its own.
        from .load import load

    given = request.fields
    built = load(given["file"], from_plain(Options, given["options"]), given["cache"])
    plain: dict[str, Any] = to_plain(built)
    return plain
