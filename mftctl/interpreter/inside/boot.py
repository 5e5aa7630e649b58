"""The script that the flow's interpreter runs: `python boot.py MODE FD`, where FD is a socket to its parent.

The user's own metaflow and packages win: this program's folder goes to the end of sys.path as soon as its own
modules are loaded, leaves it before the flow's code runs, and goes into no environment variable
(docs/decisions/0015-flows-interpreter.md).
"""

import os
import sys


def main() -> None:
    """Load our rooms, step back to the end of sys.path, and hand over; never returns."""
    site = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
    mode, channel = sys.argv[1], sys.argv[2]
    # The interpreter put this script's folder first; the flow's own takes that place later.
    sys.path[0] = site
    if mode == "compile":
        from mftctl.interpreter.inside.compile.main import main as room
    elif mode == "host":
        from mftctl.interpreter.inside.host.serve import main as room
    elif mode == "examine":
        from mftctl.interpreter.inside.examine import main as room
    elif mode == "hook":
        from mftctl.interpreter.inside.task.exit_hook import main as room
    elif mode == "read":
        from mftctl.interpreter.inside.reader import main as room
    elif mode == "backend":
        from mftctl.interpreter.inside.task.backend import main as room
    else:
        from mftctl.interpreter.inside.task.plain import main as room
    from mftctl.interpreter.inside import environment

    del sys.path[0]
    # Installed beside the flow's packages it is there already, and nothing is borrowed.
    environment.borrow(site if site not in sys.path else None)
    room(channel)


main()
