"""A flow's command line in a new process of its interpreter: `boot.py plain FILE ARG...` is `FILE ARG...`."""

from __future__ import annotations

import sys

from . import program


def main(file: str) -> None:
    """Run ``file`` with the arguments that follow it, as `python FILE ARG...` would."""
    sys.argv = [file, *sys.argv[3:]]
    _search_package()
    program.execute(file)
    sys.exit(0)


def _search_package() -> None:
    from .environment import search_package

    search_package()
