"""An artifact that cannot be pickled fails the task although its code ran to the end."""

import threading

from metaflow import FlowSpec, step


class FailsUnpicklableFlow(FlowSpec):
    @step
    def start(self):
        self.dropped = lambda: 1  # functions are no artifacts at all
        self.lock = threading.Lock()
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailsUnpicklableFlow()
