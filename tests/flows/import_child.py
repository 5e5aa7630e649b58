"""A child process started at import answers every task of its own."""

import atexit
import subprocess
import sys

from metaflow import FlowSpec, step

ECHO = "import sys\nfor line in sys.stdin:\n    print(line.strip()[::-1], flush=True)"
CHILD = subprocess.Popen([sys.executable, "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
atexit.register(CHILD.stdin.close)


class ImportChildFlow(FlowSpec):
    @step
    def start(self):
        self.items = ["abc", "def", "ghi"]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        CHILD.stdin.write(self.input + "\n")
        CHILD.stdin.flush()
        self.reversed = CHILD.stdout.readline().strip()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [i.reversed for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ImportChildFlow()
