"""Whatever a task prints is in its log: unicode, long and empty lines, bytes, subprocesses, no newline at the end."""

import os
import subprocess
import sys

from metaflow import FlowSpec, step


class LogsShapesFlow(FlowSpec):
    @step
    def start(self):
        print("ünïcode ☃ 日本")
        print("x" * 10_000)
        print("")
        print("  indented\tand tabbed  ")
        print("to stderr", file=sys.stderr)
        print("with\rcarriage return")
        print("[MFLOG|0|not a header] said by the user")
        sys.stdout.flush()
        self.next(self.children)

    @step
    def children(self):
        print("before", flush=True)
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
        subprocess.run(["sh", "-c", "echo to the error stream >&2"], check=True)
        os.write(1, b"straight to the descriptor\n")
        print("after")
        self.next(self.raw)

    @step
    def raw(self):
        sys.stdout.buffer.write(b"raw \xff\xfe bytes\n")
        sys.stdout.flush()
        self.next(self.silent)

    @step
    def silent(self):
        self.next(self.end)

    @step
    def end(self):
        sys.stdout.write("no newline at the end")


if __name__ == "__main__":
    LogsShapesFlow()
