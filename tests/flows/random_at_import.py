"""What is drawn while the flow is imported, unseeded, differs from task to task."""

import os
import random
import uuid

from metaflow import FlowSpec, step

DRAWN = random.getrandbits(60)
TOKEN = uuid.uuid4().hex
PID = os.getpid()


class RandomAtImportFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2, 3]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.draw_at_import = DRAWN
        self.draw_token = TOKEN
        self.pid_is_mine = PID == os.getpid()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.distinct = len({i.draw_at_import for i in inputs})
        self.distinct_tokens = len({i.draw_token for i in inputs})
        self.pids = [i.pid_is_mine for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RandomAtImportFlow()
