"""A required parameter has no default and must be given."""

from metaflow import FlowSpec, Parameter, step


class ParametersRequiredFlow(FlowSpec):
    alpha = Parameter("alpha", type=float, required=True)
    name_ = Parameter("name-of-it", required=True)

    @step
    def start(self):
        self.got = (self.alpha, self.name_)
        self.next(self.end)

    @step
    def end(self):
        self.again = (self.alpha, self.name_)


if __name__ == "__main__":
    ParametersRequiredFlow()
