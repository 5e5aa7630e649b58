"""A flow that says nothing of where it runs."""

import helper
from metaflow import FlowSpec, current, step


class Plain(FlowSpec):
    @step
    def only(self):
        print("a line of attempt", current.retry_count)
        if current.retry_count == 0:
            raise ValueError("the first attempt fails")
        self.seen = helper.look()


if __name__ == "__main__":
    Plain()
