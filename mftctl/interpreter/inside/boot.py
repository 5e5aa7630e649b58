"""The script that the flow's interpreter runs: `python boot.py MODE ARGUMENT`.

ARGUMENT is the descriptor of a socket to the parent process, or of two; in the modes of a task it is the flow's file.

The interpreter's own metaflow and packages are used where it has them: mftctl's folder is last on sys.path, leaves it
before the flow's code runs, and is put into no environment variable (docs/decisions/0015-flows-interpreter.md).

Any Python can read this file, so that one that is too old says so.
"""

import importlib
import os
import sys

#: The exit code of an interpreter that is older than Python 3.9.
TOO_OLD = 76

#: The module of each mode; its `main` takes the argument.
MODES = {
    "compile": "compile.compile_process",
    "host": "host.host_process",
    "run": "run_process",
    "examine": "examine",
    "read": "datastore_reader",
    "upload": "included_file",
    "flow": "task.flow_process",
    "backend": "task.backend_command",
    "hook": "task.exit_hook",
}


def main():  # type: () -> None  # noqa: ANN201 - for Python 2
    """Put mftctl's folder behind the interpreter's own on sys.path, and run the mode."""
    if sys.version_info < (3, 9):  # noqa: UP036
        if sys.argv[1] == "flow":  # of a step whose environment has an older one than the flow
            os.execv(sys.executable, [sys.executable, "-u"] + sys.argv[2:])  # noqa: RUF005, S606
        sys.exit(TOO_OLD)
    site = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
    mode, argument = sys.argv[1], sys.argv[2]
    # Python has put this script's folder first. This finds mftctl; then its package finds its modules.
    sys.path[0] = site
    from mftctl.interpreter.inside import search_path

    del sys.path[0]
    # Where mftctl is installed beside the flow's packages, the folder is on the path already.
    search_path.borrow(site if site not in sys.path else None)
    importlib.import_module("mftctl.interpreter.inside." + MODES[mode]).main(argument)


if __name__ == "__main__":
    main()
