"""Cases inside a foreach meet in one step before the join, so the join's inputs are in index order."""

from metaflow import FlowSpec, step


class SwitchInForeachConvergingFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = [3, 0, 2, 1]
        self.next(self.choose, foreach="numbers")

    @step
    def choose(self):
        self.kind = "zero" if self.input == 0 else "odd" if self.input % 2 else "even"
        self.next({"zero": self.meet, "odd": self.odd, "even": self.even}, condition="kind")

    @step
    def odd(self):
        self.via = "odd"
        self.next(self.meet)

    @step
    def even(self):
        self.via = "even"
        self.next(self.even_more)

    @step
    def even_more(self):
        self.via += "+"
        self.next(self.meet)

    @step
    def meet(self):
        self.value = (self.index, self.input, getattr(self, "via", None))
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = [i.value for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchInForeachConvergingFlow()
