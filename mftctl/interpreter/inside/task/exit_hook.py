"""A function of @exit_hook in a process of its own: `boot.py hook FILE FUNCTION FLOW/RUN`."""

from __future__ import annotations

import os
import sys

from ..environment import forget_configs, settle, step_aside


def main(fd: str) -> None:
    """Call the function as the native runtime does (``metaflow/runtime.py``, ``_run_exit_hooks``)."""
    file = fd
    function, pathspec = sys.argv[3:5]
    sys.argv = [file, function, pathspec]
    # `python -m` in the working folder, as the native runtime calls it; the flow's own modules come behind it.
    sys.path[:0] = [os.getcwd(), os.path.dirname(os.path.realpath(file))]
    forget_configs()
    settle()
    from metaflow.plugins.exit_hook import exit_hook_script

    step_aside()
    exit_hook_script.main(file, function, pathspec)
    sys.exit(0)
