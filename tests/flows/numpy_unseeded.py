"""Unseeded generators (numpy's global and new ones, random, secrets, uuid) differ between the splits."""

import random
import secrets
import uuid

import numpy

from metaflow import FlowSpec, step

MADE_AT_IMPORT = numpy.random.default_rng()


class NumpyUnseededFlow(FlowSpec):
    @step
    def start(self):
        self.items = list(range(4))
        self.next(self.body, foreach="items")

    @step
    def body(self):
        # The comparison leaves out artifacts named draw_...: they are random by intent.
        self.draw_numpy = int(numpy.random.randint(2**31))
        self.draw_rng = int(MADE_AT_IMPORT.integers(2**31))
        self.draw_new_rng = int(numpy.random.default_rng().integers(2**31))
        self.draw_python = random.getrandbits(60)
        self.draw_instance = random.Random().getrandbits(60)
        self.draw_secret = secrets.token_hex(8)
        self.draw_uuid = uuid.uuid4().hex
        self.next(self.join)

    @step
    def join(self, inputs):
        kinds = "numpy rng new_rng python instance secret uuid".split()
        draws = {k: [getattr(i, f"draw_{k}") for i in inputs] for k in kinds}
        self.distinct = {k: len(set(v)) for k, v in draws.items()}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NumpyUnseededFlow()
