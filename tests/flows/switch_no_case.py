"""A condition outside the cases fails the switch step."""

from metaflow import FlowSpec, step


class SwitchNoCaseFlow(FlowSpec):
    @step
    def start(self):
        self.way = "nowhere"
        self.next({"a": self.a, "b": self.end}, condition="way")

    @step
    def a(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchNoCaseFlow()
