"""The first and last step may have any name when they are marked with start=True and end=True."""

from metaflow import FlowSpec, step


class CustomNamesFlow(FlowSpec):
    @step(start=True)
    def begin_here(self):
        self.items = [1, 2]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.sum = sum(i.input for i in inputs)
        self.next(self.finish)

    @step(end=True)
    def finish(self):
        self.done = True


if __name__ == "__main__":
    CustomNamesFlow()
