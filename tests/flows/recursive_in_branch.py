"""A loop in one branch of a split and a foreach in the other: the join waits for both."""

from metaflow import FlowSpec, step


class RecursiveInBranchFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.loop, self.fan)

    @step
    def loop(self):
        self.n = getattr(self, "n", 0) + 1
        self.more = self.n < 3
        self.next({True: self.loop, False: self.looped}, condition="more")

    @step
    def looped(self):
        self.value = self.n
        self.next(self.join)

    @step
    def fan(self):
        self.items = [1, 2]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.next(self.join_fan)

    @step
    def join_fan(self, inputs):
        self.value = [i.input for i in inputs]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = (inputs.looped.value, inputs.join_fan.value)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RecursiveInBranchFlow()
