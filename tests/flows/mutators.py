"""A FlowMutator and a StepMutator change the flow before it runs, driven by a config."""

import os

from metaflow import Config, FlowMutator, FlowSpec, Parameter, StepMutator, environment, retry, step
from metaflow import current


class AddThings(FlowMutator):
    def pre_mutate(self, mutable_flow):
        for name, value in mutable_flow.configs:
            if name == "extra":
                for key, default in value.items():
                    mutable_flow.add_parameter(key, Parameter(key, default=default))

    def mutate(self, mutable_flow):
        for name, mutable_step in mutable_flow.steps:
            mutable_step.add_decorator(environment, deco_kwargs={"vars": {"FID_MUTATED": f"flow:{name}"}})


class AddRetry(StepMutator):
    def init(self, *args, **kwargs):
        self.times = kwargs.get("times", 1)

    def mutate(self, mutable_step):
        mutable_step.add_decorator(retry, deco_kwargs={"times": self.times, "minutes_between_retries": 0})


@AddThings
class MutatorsFlow(FlowSpec):
    extra = Config("extra", default_value={"added": "yes", "number": 3})

    @step
    def start(self):
        self.env = os.environ.get("FID_MUTATED")
        self.params = (self.added, self.number)
        self.next(self.flaky)

    @AddRetry(times=2)
    @step
    def flaky(self):
        self.attempt = current.retry_count
        self.env = os.environ.get("FID_MUTATED")
        if self.attempt < 2:
            raise RuntimeError(f"attempt {self.attempt}")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MutatorsFlow()
