"""A step that ends without calling self.next as its source says fails the run."""

from metaflow import FlowSpec, step


class FailsWrongNextFlow(FlowSpec):
    @step
    def start(self):
        self.reached = True
        if self.reached:
            return
        self.next(self.middle)

    @step
    def middle(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailsWrongNextFlow()
