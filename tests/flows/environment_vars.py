"""@environment's variables are set before the flow's file is imported, and for that step only.

What the import prints is in each task's log once, whatever starts it.
"""

import os
import sys

from metaflow import FlowSpec, environment, retry, step

AT_IMPORT = (os.environ.get("FID_ONE"), os.environ.get("FID_TWO"))
print("imported with", *AT_IMPORT)
print("imported", file=sys.stderr)


class EnvironmentVarsFlow(FlowSpec):
    at_class = os.environ.get("FID_ONE", "unset in the class body")

    @environment(vars={"FID_ONE": "1", "FID_TWO": 2})
    @step
    def start(self):
        self.at_import = AT_IMPORT
        self.in_step = (os.environ.get("FID_ONE"), os.environ.get("FID_TWO"))
        self.class_level = self.at_class
        self.next(self.bare)

    @step
    def bare(self):
        self.at_import = AT_IMPORT
        self.in_step = (os.environ.get("FID_ONE"), os.environ.get("FID_TWO"))
        self.class_level = self.at_class
        self.items = ["a", "b"]
        self.next(self.body, foreach="items")

    @environment(vars={"FID_TWO": "two"})
    @retry(times=1, minutes_between_retries=0)
    @step
    def body(self):
        self.at_import = AT_IMPORT
        self.in_step = (os.environ.get("FID_ONE"), os.environ.get("FID_TWO"))
        os.environ["FID_ONE"] = "changed by a split"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.at_imports = [i.at_import for i in inputs]
        self.in_step = (os.environ.get("FID_ONE"), os.environ.get("FID_TWO"))
        self.next(self.end)

    @step
    def end(self):
        self.at_import = AT_IMPORT


if __name__ == "__main__":
    EnvironmentVarsFlow()
