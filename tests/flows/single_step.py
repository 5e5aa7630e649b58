"""A flow of one step is both its own start and end."""

from metaflow import FlowSpec, Parameter, step


class SingleStepFlow(FlowSpec):
    who = Parameter("who", default="world")

    @step
    def only(self):
        self.greeting = f"hello {self.who}"
        print(self.greeting)


if __name__ == "__main__":
    SingleStepFlow()
