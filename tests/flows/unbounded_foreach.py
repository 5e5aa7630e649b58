"""An unbounded foreach (Metaflow's own test double): a control task starts the mappers, the join gets them in order."""

from metaflow import FlowSpec, step
from metaflow.plugins import InternalTestUnboundedForeachInput
from metaflow import unbounded_test_foreach_internal


class UnboundedForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = InternalTestUnboundedForeachInput(["x", "y", "z"])
        self.next(self.body, foreach="items")

    @unbounded_test_foreach_internal
    @step
    def body(self):
        self.value = (self.index, self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = [i.value for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    UnboundedForeachFlow()
