"""A flow that says nothing of where it runs."""

import helper
from metaflow import FlowSpec, step


class Plain(FlowSpec):
    @step
    def only(self):
        self.seen = [helper.look()]


if __name__ == "__main__":
    Plain()
