"""Steps and parameters come from a base flow in another module; a step may be overridden, a parameter added."""

from helpers.base_flow import BaseFlow
from metaflow import Parameter, step


class Mixin:
    extra = Parameter("extra", default="mixed in")

    def helper(self):
        return f"{self.extra} {self.level}"


class InheritedFlow(Mixin, BaseFlow):
    @step
    def finish(self):
        self.trail = self.trail + ["own finish", self.helper()]
        self.next(self.end)

    @step
    def end(self):
        self.trail = self.trail + ["own end"]


if __name__ == "__main__":
    InheritedFlow()
