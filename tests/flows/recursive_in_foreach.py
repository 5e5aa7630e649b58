"""Each split of a foreach repeats its own number of times; the join waits for the slowest."""

from metaflow import FlowSpec, step


class RecursiveInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.times = [3, 1, 2]
        self.next(self.loop, foreach="times")

    @step
    def loop(self):
        self.n = getattr(self, "n", 0) + 1
        self.more = "again" if self.n < self.input else "done"
        self.next({"again": self.loop, "done": self.after}, condition="more")

    @step
    def after(self):
        self.value = (self.index, self.n)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = [i.value for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RecursiveInForeachFlow()
