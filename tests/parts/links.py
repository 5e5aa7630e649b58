"""A TCP connection between two machines that tests can freeze or cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Link:
    """Another ``address`` of a server, HOST:PORT: what goes to it goes through here."""

    def __init__(self, target: str) -> None:
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._passes = threading.Event()
        self._passes.set()
        self._cut = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Take connections and bytes, and pass nothing on; then pass all of it."""
        self._passes.clear()
        try:
            yield
        finally:
            self._passes.set()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """End all connections, and each new one at once, as where nobody serves."""
        self._cut = True
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        try:
            yield
        finally:
            self._cut = False

    def close(self) -> None:
        """Take no more connections."""
        self._passes.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                if self._cut:
                    ours.close()
                    continue
                try:
                    theirs = socket.create_connection(self._target)
                except OSError:
                    ours.close()
                    continue
                for source, sink in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with self._lock:
            self._open.add(source)
        with suppress(OSError), source, sink:
            while data := source.recv(65536):
                self._passes.wait()
                sink.sendall(data)
        with self._lock:
            self._open.discard(source)
