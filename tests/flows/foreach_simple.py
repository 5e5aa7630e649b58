"""A foreach runs one task an item with its index, input and stack; the join gets the inputs in index order."""

from metaflow import FlowSpec, step


class ForeachSimpleFlow(FlowSpec):
    @step
    def start(self):
        self.items = ["c", "a", "b", "a", "z", "y"]
        self.common = 5
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.result = f"{self.index}:{self.input}"
        self.stack = self.foreach_stack()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.results = [i.result for i in inputs]
        self.indexes = [i.index for i in inputs]
        self.first, self.last = inputs[0].input, inputs[-1].input
        self.merge_artifacts(inputs, exclude=["result", "stack"])
        self.outside = (self.index, self.input, self.foreach_stack())
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachSimpleFlow()
