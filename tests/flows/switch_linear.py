"""A switch runs the one step its condition names, and the others leave no task."""

from metaflow import FlowSpec, Parameter, step


class SwitchLinearFlow(FlowSpec):
    way = Parameter("way", default="slow")

    @step
    def start(self):
        self.next({"fast": self.quick, "slow": self.careful, "none": self.end}, condition="way")

    @step
    def quick(self):
        self.result = "quick"
        self.next(self.end)

    @step
    def careful(self):
        self.result = "careful"
        self.next(self.more_care)

    @step
    def more_care(self):
        self.result += "!"
        self.next(self.end)

    @step
    def end(self):
        self.seen = getattr(self, "result", "nothing")


if __name__ == "__main__":
    SwitchLinearFlow()
