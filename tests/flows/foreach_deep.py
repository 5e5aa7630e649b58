"""Three foreachs deep with steps between the levels: stacks grow and shrink one frame at a time."""

from metaflow import FlowSpec, step


class ForeachDeepFlow(FlowSpec):
    @step
    def start(self):
        self.first = ["a", "b"]
        self.next(self.one, foreach="first")

    @step
    def one(self):
        self.trail = [self.input]
        self.next(self.before_two)

    @step
    def before_two(self):
        self.second = [1, 2]
        self.next(self.two, foreach="second")

    @step
    def two(self):
        self.trail = self.trail + [self.input]
        self.third = "xy"
        self.next(self.three, foreach="third")

    @step
    def three(self):
        self.trail = self.trail + [self.input]
        self.depth = len(self.foreach_stack())
        self.next(self.join_three)

    @step
    def join_three(self, inputs):
        self.trail = [i.trail for i in inputs]
        self.next(self.after_three)

    @step
    def after_three(self):
        self.depth = (len(self.foreach_stack()), self.index, self.input)
        self.next(self.join_two)

    @step
    def join_two(self, inputs):
        self.trail = [i.trail for i in inputs]
        self.next(self.join_one)

    @step
    def join_one(self, inputs):
        self.trail = [i.trail for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachDeepFlow()
