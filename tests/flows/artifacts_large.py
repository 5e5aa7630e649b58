"""A 5 MB artifact passes through a foreach unharmed."""

import hashlib

from metaflow import FlowSpec, step


class ArtifactsLargeFlow(FlowSpec):
    @step
    def start(self):
        self.big = bytes(range(256)) * 20_000
        self.items = [1, 2]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.digest = hashlib.sha256(self.big).hexdigest()
        self.mine = self.big[::-1] + bytes([self.input])
        self.next(self.join)

    @step
    def join(self, inputs):
        self.digests = [i.digest for i in inputs]
        self.sizes = [len(i.mine) for i in inputs]
        self.merge_artifacts(inputs, exclude=["digest", "mine"])
        self.next(self.end)

    @step
    def end(self):
        self.size = len(self.big)


if __name__ == "__main__":
    ArtifactsLargeFlow()
