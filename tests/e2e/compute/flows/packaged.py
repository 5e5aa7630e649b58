"""Steps in an environment of their own."""

import ctypes
import os
import sys

import helper
from metaflow import FlowSpec, conda, step


class Packaged(FlowSpec):
    @conda(disabled=True)
    @step
    def start(self):
        self.items = [0, 1]
        self.next(self.body, foreach="items")

    @conda(packages={"anything": "1"})
    @step
    def body(self):
        self.python = sys.executable
        self.bare = os.environ.get("PYTHONNOUSERSITE")
        self.worker = helper.look()["worker"]
        guard = ctypes.c_int()
        ctypes.CDLL(None).prctl(2, ctypes.byref(guard))  # PR_GET_PDEATHSIG
        self.guarded = guard.value != 0
        self.next(self.join)

    @conda(disabled=True)
    @step
    def join(self, inputs):
        self.seen = [[one.python, one.bare, one.worker, one.guarded] for one in inputs]
        self.next(self.end)

    @conda(disabled=True)
    @step
    def end(self):
        pass


if __name__ == "__main__":
    Packaged()
