"""A whole flow for another file to run."""

from metaflow import FlowSpec, step


class WholeFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.module = type(self).__module__
        self.next(self.join)

    @step
    def join(self, inputs):
        self.modules = [i.module for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass
