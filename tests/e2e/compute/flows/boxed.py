"""A step in a box that fails at first."""

import helper
from metaflow import FlowSpec, current, retry, sandbox, step


class Boxed(FlowSpec):
    @step
    def start(self):
        self.seen = [helper.look()]
        self.next(self.box)

    @retry(times=1, minutes_between_retries=0)
    @sandbox(env={"OF_THE_BOX": "yes"})
    @step
    def box(self):
        print("a line of attempt", current.retry_count)
        if current.retry_count == 0:
            raise ValueError("the first attempt fails")
        self.seen = [*self.seen, helper.look()]
        self.next(self.end)

    @step
    def end(self):
        self.seen = [*self.seen, helper.look()]


if __name__ == "__main__":
    Boxed()
