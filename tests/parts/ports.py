"""Free ports for servers that tests start.

They are none of those that the system gives to whoever asks for any, and to every connection (from 32,768 on): such a
one can be taken by another process before the server has it.
"""

from __future__ import annotations

import random
import socket

_FIRST, _LAST = 12_000, 21_999
#: Not the generator that tests seed: all processes would choose the same.
_CHOICE = random.SystemRandom()
#: SeaweedFS takes for gRPC the port that is so much higher.
GRPC = 10_000


def free_port() -> int:
    """A port that nobody has, nor the one for gRPC."""
    while True:
        port = _CHOICE.randint(_FIRST, _LAST)
        if _is_free(port) and _is_free(port + GRPC):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # not one whose connections have just ended
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
