"""Runs a function of @exit_hook in a process of its own: `boot.py hook FILE FUNCTION FLOW/RUN`."""

from __future__ import annotations

import os
import sys

from ..environment import forget_options
from ..search_path import add_package, return_borrowed


def main(file: str) -> None:
    """Call the function as the native runtime does (``metaflow/runtime.py``, ``_run_exit_hooks``)."""
    function, pathspec = sys.argv[3:5]
    sys.argv = [file, function, pathspec]
    # As `python -m` in the working folder, which the native runtime calls; then the flow's own modules.
    sys.path[:0] = [os.getcwd(), os.path.dirname(os.path.realpath(file))]
    # The host of a deployment has dropped the others.
    forget_options(in_place=True)
    add_package()
    # It imports metaflow: not before `add_package`.
    from metaflow.plugins.exit_hook import exit_hook_script

    return_borrowed()
    exit_hook_script.main(file, function, pathspec)
    sys.exit(0)
