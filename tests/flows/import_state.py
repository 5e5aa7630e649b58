"""Module state, class attributes and environment changed by a task are as after import in the next task."""

import functools
import os
import sys

from metaflow import FlowSpec, step

os.environ["FID_SET_AT_IMPORT"] = os.environ.get("FID_SET_AT_IMPORT", "") + "+"
sys.setrecursionlimit(2345)
COUNTER = []


@functools.lru_cache
def remembered(key):
    COUNTER.append(key)
    return len(COUNTER)


class ImportStateFlow(FlowSpec):
    @step
    def start(self):
        self.look()
        self.items = [1, 2]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.look()
        os.environ["FID_LEFT"] = "left by a task"
        os.chdir("/")
        sys.path.append("/nowhere")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.look()
        self.next(self.end)

    @step
    def end(self):
        self.look()

    def look(self):
        remembered(self._current_step)
        self.counter = list(COUNTER)
        # A local run inherits the variable from its own process, which imported the file as well.
        self.env = bool(os.environ["FID_SET_AT_IMPORT"])
        self.left = (os.environ.get("FID_LEFT"), "/nowhere" in sys.path, os.getcwd() == "/")
        self.limit = sys.getrecursionlimit()


if __name__ == "__main__":
    ImportStateFlow()
