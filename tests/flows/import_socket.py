"""A connection made at import belongs to one task alone: what a task sends, only it gets back."""

import socket
import threading

from metaflow import FlowSpec, step

LISTENER = socket.create_server(("127.0.0.1", 0))


def serve():
    while True:
        peer, _ = LISTENER.accept()
        peer.sendall(b"hello ")
        while data := peer.recv(100):
            peer.sendall(data.upper())


threading.Thread(target=serve, daemon=True).start()
CONNECTION = socket.create_connection(LISTENER.getsockname())
CONNECTION.settimeout(20)


class ImportSocketFlow(FlowSpec):
    @step
    def start(self):
        self.items = ["a", "b", "c"]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        CONNECTION.sendall(self.input.encode() * 3)
        got = b""
        while len(got) < 9:
            got += CONNECTION.recv(100)
        self.got = got.decode()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [i.got for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ImportSocketFlow()
