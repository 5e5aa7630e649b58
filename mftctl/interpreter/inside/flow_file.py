"""Executes a flow's file as Python would, in the real ``__main__``, up to where it would parse its command line.

``runpy`` replaces ``sys.modules["__main__"]`` and restores it, after which nothing of the flow's file can be unpickled
and Metaflow's ``ForeachFrame`` is not found. So the file runs in the namespace of the process's own ``__main__``.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader
from typing import Any, Callable

from metaflow import FlowSpec, parameters

from . import search_path

#: Called with the flow's instance and a function that continues in Metaflow's command line, which reads sys.argv.
OnFlow = Callable[[Any, Callable[[], None]], None]


def execute(file: str, on_flow: OnFlow | None = None) -> None:
    """Run the flow's ``file``; where it starts its flow (``MyFlow()``), call ``on_flow`` instead of parsing argv.

    ``file`` is the path as the user typed it. The file sees ``__file__`` and ``sys.path[0]`` as `python FILE` sets
    them: the first absolute but not normalised, the second without links. Returns when the file has run to its end.
    Raises the exceptions of the file.
    """
    if on_flow is not None:
        _intercept(on_flow)
    search_path.return_borrowed()
    sys.path.insert(0, os.path.dirname(os.path.realpath(file)))
    file = absolute(file)
    with open(file, "rb") as source:
        # Without the future statements of this module, which would change what annotations mean.
        code = compile(source.read(), file, "exec", dont_inherit=True)
    main = sys.modules["__main__"].__dict__
    for name in [name for name in main if not (name.startswith("__") and name.endswith("__"))]:
        if name != "ForeachFrame":
            del main[name]
    main.update(__file__=file, __spec__=None, __package__=None, __doc__=None, __cached__=None)
    main["__loader__"] = SourceFileLoader("__main__", file)
    exec(code, main)


def absolute(file: str) -> str:
    """The file's ``__file__``: the path as typed, below the working folder."""
    return os.path.join(os.getcwd(), file)


def load_command_line(flow: Any) -> Any:
    """The module ``metaflow.cli``, imported for this flow: it reads the flow's Configs when it is imported."""
    with parameters.flow_context(type(flow)):
        import metaflow.cli
    return metaflow.cli


def _intercept(on_flow: OnFlow) -> None:
    original = FlowSpec.__init__

    def initialise(self: Any, use_cli: bool = True) -> None:
        if not use_cli:
            original(self, use_cli=False)
            return

        def resume() -> None:
            FlowSpec.__init__ = original
            original(self)

        on_flow(self, resume)

    FlowSpec.__init__ = initialise
