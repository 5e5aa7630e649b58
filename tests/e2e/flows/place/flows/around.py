"""Looks around itself: at its own path, what lies beside it and above it, and the folder that it is run in."""

import os
import sys
from pathlib import Path

from metaflow import FlowSpec, environment, exit_hook, step

HERE = Path(__file__).resolve().parent
sys.path.append(os.path.dirname(__file__) + "/..")
from shared.util import up  # noqa: E402 - a path is needed first

AT_IMPORT = [__file__, sys.argv[0], sys.path[0], os.getcwd(), __loader__.path]


def dotenv():
    """What python-dotenv finds: the first `.env` from the calling file's folder upwards."""
    for folder in (HERE, *HERE.parents):
        if (folder / ".env").is_file():
            return (folder / ".env").read_text()
    return None


def ended():
    """Say where the hook runs."""
    print("hook", __file__, os.getcwd(), (HERE / "conf.json").read_text())


@exit_hook(on_success=[ended])
class AroundFlow(FlowSpec):
    """Each kind of process that runs user code looks."""

    @step
    def start(self):
        self.seen = self.look()
        self.items = [1, 2]
        self.next(self.body, foreach="items")

    @environment(vars={"ADDED": "yes"})
    @step
    def body(self):
        self.seen = self.look()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.inner = [each.seen for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        self.seen = self.look()
        Path(os.environ["SEEN"]).write_text(repr([self.seen, *self.inner]), encoding="utf-8")

    def look(self):
        """All that a task can see of its place."""
        conf = (HERE / "conf.json").read_text(), Path("proj/flows/conf.json").read_text()
        told = os.environ.get("METAFLOW_EXTRACTED_ROOT"), os.environ.get("ADDED")
        return [AT_IMPORT, sys.argv[0], sys.path, os.getcwd(), dotenv(), conf, up("rel"), told]


if __name__ == "__main__":
    AroundFlow()
