"""A branch that fails fails the run; the other branch, at work, is let finish but leads nowhere."""

import time

from metaflow import FlowSpec, step


class FailsInBranchFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.bad, self.good)

    @step
    def bad(self):
        raise RuntimeError("the branch fails")
        self.next(self.join)

    @step
    def good(self):
        time.sleep(1.5)
        self.value = 1
        self.next(self.after_good)

    @step
    def after_good(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailsInBranchFlow()
