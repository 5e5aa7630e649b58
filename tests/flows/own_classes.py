"""Objects of classes from the flow's own file are artifacts and foreach items like any other."""

import dataclasses
import enum

from metaflow import FlowSpec, step


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass(frozen=True)
class Job:
    name: str
    colour: Colour
    parts: tuple = ()


class Plain:
    def __init__(self, value):
        self.value = value

    def doubled(self):
        return self.value * 2


class OwnClassesFlow(FlowSpec):
    @step
    def start(self):
        self.jobs = [Job("a", Colour.RED), Job("b", Colour.BLUE, (1, 2))]
        self.plain = Plain(21)
        self.next(self.body, foreach="jobs")

    @step
    def body(self):
        self.same_class = (isinstance(self.input, Job), self.input.colour is Colour(self.input.colour.value))
        self.job = dataclasses.replace(self.input, name=self.input.name.upper())
        self.doubled = self.plain.doubled()
        self.module = type(self.job).__module__
        self.next(self.join)

    @step
    def join(self, inputs):
        self.jobs_done = [i.job for i in inputs]
        self.same = all(i.same_class == (True, True) for i in inputs)
        self.modules = {i.module for i in inputs}
        self.merge_artifacts(inputs, include=["plain", "doubled"])
        self.next(self.end)

    @step
    def end(self):
        self.names = [j.name for j in self.jobs_done]
        self.colours = [j.colour is Colour.RED for j in self.jobs_done]


if __name__ == "__main__":
    OwnClassesFlow()
