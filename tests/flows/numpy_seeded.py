"""Generators seeded when the flow is imported start anew in every task: all splits draw the same."""

import random

import numpy

from metaflow import FlowSpec, current, retry, step

numpy.random.seed(7)
random.seed(11)
RNG = numpy.random.default_rng(13)
INSTANCE = random.Random(17)


class NumpySeededFlow(FlowSpec):
    @step
    def start(self):
        self.drawn = self.draw()
        self.items = list(range(3))
        self.next(self.body, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def body(self):
        self.drawn = self.draw()
        if self.index == 1 and current.retry_count == 0:
            raise RuntimeError("the second attempt draws the same again")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all_drawn = [i.drawn for i in inputs]
        self.mine = self.draw()
        self.next(self.end)

    @step
    def end(self):
        self.array = numpy.arange(6, dtype="int16").reshape(2, 3)
        self.drawn = self.draw()

    def draw(self):
        first = int(numpy.random.randint(10**6)), random.randrange(10**6)
        return (*first, int(RNG.integers(10**6)), INSTANCE.randrange(10**6))


if __name__ == "__main__":
    NumpySeededFlow()
