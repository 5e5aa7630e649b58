"""A switch inside a case of a switch, with a split in the innermost case."""

from metaflow import FlowSpec, step


class SwitchNestedFlow(FlowSpec):
    @step
    def start(self):
        self.outer = "x"
        self.next({"x": self.x, "y": self.y}, condition="outer")

    @step
    def x(self):
        self.inner = "p"
        self.next({"p": self.p, "q": self.q}, condition="inner")

    @step
    def p(self):
        self.next(self.p_left, self.p_right)

    @step
    def p_left(self):
        self.side = "left"
        self.next(self.join_p)

    @step
    def p_right(self):
        self.side = "right"
        self.next(self.join_p)

    @step
    def join_p(self, inputs):
        self.sides = (inputs.p_left.side, inputs.p_right.side)
        self.next(self.meet)

    @step
    def q(self):
        self.next(self.meet)

    @step
    def y(self):
        self.next(self.meet)

    @step
    def meet(self):
        self.met = True
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchNestedFlow()
