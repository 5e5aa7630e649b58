"""Each split of a foreach takes its own case; the join gets every split, whichever way it came."""

from metaflow import FlowSpec, step


class SwitchInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = [1, 2, 3, 4, 5]
        self.next(self.choose, foreach="numbers")

    @step
    def choose(self):
        self.kind = "even" if self.input % 2 == 0 else "odd"
        self.next({"even": self.even, "odd": self.odd}, condition="kind")

    @step
    def even(self):
        self.value = (self.index, "even", self.input)
        self.next(self.join)

    @step
    def odd(self):
        self.value = (self.index, "odd", self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        # Metaflow orders these by (arrival step, index), the steps in the order of a set: no order to rely on.
        self.values = sorted(i.value for i in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchInForeachFlow()
