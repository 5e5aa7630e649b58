"""A temporary folder made at import exists in every task, whatever tasks ended before, and exit handlers run once."""

import atexit
import os
import tempfile

from metaflow import FlowSpec, retry, step

FOLDER = tempfile.TemporaryDirectory(prefix="fid-")
PLACE = tempfile.mkdtemp(prefix="fid-")
HANDLED = []


def clean_up(place):
    HANDLED.append(place)
    print(f"cleaning up {len(HANDLED)}, folder there: {os.path.isdir(place)}")
    os.rmdir(place)


atexit.register(clean_up, PLACE)


class ImportTempdirFlow(FlowSpec):
    @step
    def start(self):
        self.look()
        self.items = [1, 2, 3]
        self.next(self.body, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def body(self):
        self.look()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.look()
        self.theirs = [i.there for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        self.look()

    def look(self):
        with open(os.path.join(FOLDER.name, "probe"), "x", encoding="utf-8") as probe:
            probe.write("each task writes its own")
        self.there = (os.path.isdir(FOLDER.name), os.path.isdir(PLACE), sorted(os.listdir(FOLDER.name)))


if __name__ == "__main__":
    ImportTempdirFlow()
