"""A flow's command line in a new process of its interpreter: `boot.py plain FILE ARG...` is `FILE ARG...`."""

from __future__ import annotations

import sys
from typing import Any, Callable

from . import compensation, launch, occasion, program, renewal
from .environment import settle


def main(fd: str) -> None:
    """Run the file that stands where other modes have a socket, as `python FILE ARG...` would."""
    file = fd
    sys.argv = [file, *sys.argv[3:]]
    settle()
    renewal.prepare(sys.argv)
    occasion.prepare()
    program.execute(file, _on_flow)
    sys.exit(0)


def _on_flow(flow: Any, go_on: Callable[[], None]) -> None:
    compensation.prepare(flow)
    if launch.COMMAND in sys.argv:
        launch.register(program.load_command_line(flow))
    go_on()
