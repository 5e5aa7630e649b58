"""Several steps between a split and its join keep the split's index and input."""

from metaflow import FlowSpec, step


class ForeachBetweenFlow(FlowSpec):
    @step
    def start(self):
        self.items = [10, 20]
        self.next(self.first, foreach="items")

    @step
    def first(self):
        self.x = self.input + 1
        self.next(self.second)

    @step
    def second(self):
        self.x = (self.x, self.index)
        self.next(self.third)

    @step
    def third(self):
        self.y = (self.x, self.input, self.foreach_stack())
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ys = [i.y for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachBetweenFlow()
