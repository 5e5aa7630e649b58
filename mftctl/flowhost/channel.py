"""JSON lines over a socket: how the worker, a flow host and a task's supervisor talk."""

from __future__ import annotations

import json
import socket
from typing import Any


class Channel:
    """One end of a socket that carries JSON values, a line each."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = b""

    @staticmethod
    def of_fd(fd: int) -> Channel:
        """The channel of an inherited socket."""
        return Channel(socket.socket(fileno=fd))

    def fileno(self) -> int:
        """For select."""
        return self.sock.fileno()

    def send(self, value: Any) -> None:
        """Send one value; BrokenPipeError or ConnectionResetError when the other end is gone."""
        self.sock.sendall(json.dumps(value).encode() + b"\n")

    def receive(self) -> Any | None:
        """The next value, waiting for it; None when the other end is gone."""
        while b"\n" not in self._buffer:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def close(self) -> None:
        """Close this end."""
        self.sock.close()
