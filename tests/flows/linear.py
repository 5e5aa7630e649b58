"""Artifacts travel down a chain: what a step sets, every later step reads, and the last value wins."""

from metaflow import FlowSpec, step


class LinearFlow(FlowSpec):
    constant = "class level"

    @step
    def start(self):
        self.x = 1
        self.kept = {"a": [1, 2, (3, None)]}
        self.next(self.middle)

    @step
    def middle(self):
        self.x += 1
        self.from_middle = f"{self.x} {self.constant}"
        self.next(self.last)

    @step
    def last(self):
        self.x *= 10
        del self.kept["a"]
        self.next(self.end)

    @step
    def end(self):
        self.seen = (self.x, self.from_middle, self.kept)


if __name__ == "__main__":
    LinearFlow()
