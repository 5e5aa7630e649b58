"""A static split inside a foreach: each split joins only its own branches."""

from metaflow import FlowSpec, step


class BranchInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = ["p", "q"]
        self.next(self.fork, foreach="items")

    @step
    def fork(self):
        self.next(self.up, self.down)

    @step
    def up(self):
        self.value = self.input.upper()
        self.next(self.join_fork)

    @step
    def down(self):
        self.value = (self.input, self.index)
        self.next(self.join_fork)

    @step
    def join_fork(self, inputs):
        self.value = (inputs.up.value, inputs.down.value)
        self.stack = (self.index, self.input, self.foreach_stack())
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = [(i.value, i.stack) for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BranchInForeachFlow()
