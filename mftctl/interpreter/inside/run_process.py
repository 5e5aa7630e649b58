"""The process of `mftctl run`: it imports metaflow once, for the flow's compilation and for the host of its tasks.

The compilation is a fork, made before anything of the flow is imported; the process itself becomes the host.
"""

from __future__ import annotations

import os
from contextlib import suppress

from . import metaflow_version
from .compile import compile_process
from .host import host_process
from .uncollected import uncollected


def main(fds: str) -> None:
    """Serve two sockets, ``HOST,COMPILER``."""
    host, compiler = fds.split(",")
    if not metaflow_version.problem():
        with suppress(Exception), uncollected():  # the compilation tells why it cannot be imported
            import metaflow  # noqa: F401
    pid = os.fork()
    if pid == 0:
        os.close(int(host))
        compile_process.main(compiler)
    os.close(int(compiler))
    host_process.main(host, pid)
