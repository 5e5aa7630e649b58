"""One switch after another, the cases of each meeting in a common step; one case goes straight there."""

from metaflow import FlowSpec, step


class SwitchConvergingFlow(FlowSpec):
    @step
    def start(self):
        self.way = "b"
        self.trail = []
        self.next({"a": self.a, "b": self.b, "skip": self.meet}, condition="way")

    @step
    def a(self):
        self.trail = self.trail + ["a"]
        self.next(self.meet)

    @step
    def b(self):
        self.trail = self.trail + ["b"]
        self.next(self.meet)

    @step
    def meet(self):
        self.again = True
        self.next({True: self.last, False: self.c}, condition="again")

    @step
    def c(self):
        self.trail = self.trail + ["c"]
        self.next(self.last)

    @step
    def last(self):
        self.trail = self.trail + ["last"]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchConvergingFlow()
