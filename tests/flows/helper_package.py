"""Modules of a folder beside the flow are importable in every task, late imports as well, and so are their classes."""

import os

from helpers.shapes import Box, BoxError
from metaflow import FlowSpec, catch, step


class HelperPackageFlow(FlowSpec):
    @step
    def start(self):
        self.boxes = [Box(1, 2), Box(3, 4)]
        self.next(self.body, foreach="boxes")

    @step
    def body(self):
        from helpers.inner import scale

        self.area = (self.input.area(), scale.FACTOR)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.areas = [i.area for i in inputs]
        self.merge_artifacts(inputs, include=["boxes"])
        self.next(self.broken)

    @catch(var="problem", print_exception=False)
    @step
    def broken(self):
        raise BoxError("of the helper's own kind")
        self.next(self.end)

    @step
    def end(self):
        self.beside = os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), "helpers", "shapes.py"))


if __name__ == "__main__":
    HelperPackageFlow()
