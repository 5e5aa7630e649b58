"""A switch in one branch of a split, its cases leading to the join by different steps."""

from metaflow import FlowSpec, step


class SwitchInBranchFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.choose, self.other)

    @step
    def choose(self):
        self.number = 2
        self.next({1: self.one, 2: self.two}, condition="number")

    @step
    def one(self):
        self.value = "one"
        self.next(self.join)

    @step
    def two(self):
        self.value = "two"
        self.next(self.join)

    @step
    def other(self):
        self.value = "other"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = sorted(i.value for i in inputs)
        self.has_one = hasattr(inputs, "one")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchInBranchFlow()
