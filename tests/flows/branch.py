"""A static split runs all its branches and the join sees one input a branch, reachable by step name."""

from metaflow import FlowSpec, step


class BranchFlow(FlowSpec):
    @step
    def start(self):
        self.shared = "from start"
        self.next(self.left, self.middle, self.right)

    @step
    def left(self):
        self.x = 1
        self.only_left = True
        self.next(self.join)

    @step
    def middle(self):
        self.x = 2
        self.next(self.join)

    @step
    def right(self):
        self.x = 3
        self.next(self.after_right)

    @step
    def after_right(self):
        self.x += 100
        self.next(self.join)

    @step
    def join(self, inputs):
        self.by_name = (inputs.left.x, inputs.middle.x, inputs.after_right.x)
        self.all = sorted(i.x for i in inputs)
        self.merge_artifacts(inputs, exclude=["x"])
        self.no_foreach = (self.index, self.input, self.foreach_stack())
        self.next(self.end)

    @step
    def end(self):
        self.seen = (self.by_name, self.shared, self.only_left)


if __name__ == "__main__":
    BranchFlow()
