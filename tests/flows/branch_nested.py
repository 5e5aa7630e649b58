"""Splits nest, a join may feed a join, and a new split may follow a join at once."""

from metaflow import FlowSpec, step


class BranchNestedFlow(FlowSpec):
    @step
    def start(self):
        self.path = ["start"]
        self.next(self.a, self.b)

    @step
    def a(self):
        self.path = self.path + ["a"]
        self.next(self.a1, self.a2)

    @step
    def a1(self):
        self.path = self.path + ["a1"]
        self.next(self.join_a)

    @step
    def a2(self):
        self.path = self.path + ["a2"]
        self.next(self.join_a)

    @step
    def join_a(self, inputs):
        self.path = sorted(i.path for i in inputs)
        self.next(self.join_ab)

    @step
    def b(self):
        self.path = self.path + ["b"]
        self.next(self.b1, self.b2)

    @step
    def b1(self):
        self.path = self.path + ["b1"]
        self.next(self.join_b)

    @step
    def b2(self):
        self.path = self.path + ["b2"]
        self.next(self.join_b)

    @step
    def join_b(self, inputs):
        self.path = sorted(i.path for i in inputs)
        self.next(self.join_ab)

    @step
    def join_ab(self, inputs):
        self.path = [inputs.join_a.path, inputs.join_b.path]
        self.next(self.again)

    @step
    def again(self):
        self.next(self.c, self.d)

    @step
    def c(self):
        self.letter = "c"
        self.next(self.join_cd)

    @step
    def d(self):
        self.letter = "d"
        self.next(self.join_cd)

    @step
    def join_cd(self, inputs):
        self.letters = sorted(i.letter for i in inputs)
        self.merge_artifacts(inputs, exclude=["letter"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BranchNestedFlow()
