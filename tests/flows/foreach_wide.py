"""More splits than one workflow runs itself reach the join, every one, in index order."""

from metaflow import FlowSpec, step


class ForeachWideFlow(FlowSpec):
    @step
    def start(self):
        self.items = list(range(1000, 1106))
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.value = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = [i.value for i in inputs]
        self.indexes = [i.index for i in inputs]
        self.ordered = self.values == self.items_of(inputs)
        self.next(self.end)

    @step
    def end(self):
        pass

    def items_of(self, inputs):
        return inputs[0].items


if __name__ == "__main__":
    ForeachWideFlow()
