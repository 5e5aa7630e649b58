"""JSON lines over a socket, between a process of the flow's interpreter and the one that started it."""

from __future__ import annotations

import select
import socket
from select import poll  # its own, whatever the flow makes of it
from typing import Any

from ...model.codec import from_json, to_json

_CHUNK = 65536


class Channel:
    """One end of a socket that carries JSON values, a line each."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        #: Whether the other end is gone: no value will come any more.
        self.ended = False
        self._buffer = b""
        self._unsent = b""

    @staticmethod
    def of_fd(fd: int) -> Channel:
        """The channel of an inherited socket, without a timeout, whatever default a flow's import has set."""
        sock = socket.socket(fileno=fd)
        sock.settimeout(None)
        return Channel(sock)

    def fileno(self) -> int:
        """For select."""
        return self.sock.fileno()

    def send(self, value: Any) -> None:
        """Send one value; BrokenPipeError or ConnectionResetError when the other end is gone."""
        self.sock.sendall(self._unsent + _line(value))
        self._unsent = b""

    def offer(self, value: Any, patience: float) -> bool:
        """Send one value unless the other end has read nothing for ``patience`` seconds, or sends something itself.

        False: it was not sent. True: it was, or its rest is sent before the next one.
        """
        if not self._push(patience):
            return False
        self._unsent = _line(value)
        self._push(patience)
        return True

    def receive(self) -> Any | None:
        """The next value, waiting for it; None when the other end is gone."""
        while b"\n" not in self._buffer:
            if not self._read(0):
                return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return from_json(line.decode())

    def arrived(self) -> list[Any]:
        """The values that have come, without waiting for one."""
        try:
            while self._read(socket.MSG_DONTWAIT):
                pass
        except BlockingIOError:
            pass
        *lines, self._buffer = self._buffer.split(b"\n")
        return [from_json(line.decode()) for line in lines]

    def hung_up(self) -> bool:
        """Whether the other end is gone, though values that it has sent may be left to receive."""
        watched = poll()
        watched.register(self.sock, 0)  # a hang-up is always reported
        return bool(watched.poll(0))

    def close(self) -> None:
        """Close this end."""
        self.sock.close()

    def _read(self, flags: int) -> bool:
        """Read once; False when the other end is gone."""
        try:
            data = b"" if self.ended else self.sock.recv(_CHUNK, flags)
        except ConnectionResetError:
            data = b""
        self._buffer += data
        self.ended = not data
        return bool(data)

    def _push(self, patience: float) -> bool:
        """Send what is left; whether all of it is sent."""
        writable = poll()
        writable.register(self.sock, select.POLLOUT | select.POLLIN)
        while self._unsent:
            try:
                self._unsent = self._unsent[self.sock.send(self._unsent, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                found = writable.poll(patience * 1000)
                if not found or not found[0][1] & select.POLLOUT:
                    return False
        return True


def _line(value: Any) -> bytes:
    return to_json(value).encode() + b"\n"
