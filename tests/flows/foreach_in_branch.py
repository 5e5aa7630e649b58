"""A foreach inside one branch of a static split, a plain step in the other."""

from metaflow import FlowSpec, step


class ForeachInBranchFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.fan, self.plain)

    @step
    def fan(self):
        self.items = [1, 2, 3]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.double = self.input * 2
        self.next(self.join_fan)

    @step
    def join_fan(self, inputs):
        self.value = [i.double for i in inputs]
        self.next(self.join)

    @step
    def plain(self):
        self.value = "plain"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = (inputs.join_fan.value, inputs.plain.value)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachInBranchFlow()
