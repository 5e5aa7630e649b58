"""The work as Metaflow flows: files that `python FLOW.py run`, mftctl and metaflow-temporal run as they are."""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from pathlib import Path

from work import WORKS, Work

HEAD = """from metaflow import FlowSpec, step


def compute(number):
    return number if number < 2 else compute(number - 1) + compute(number - 2)


class {flow}(FlowSpec):
"""
STEP = "    @step\n    def {name}(self):\n        self.result = compute({fibo})\n        self.next(self.{after})\n\n"
END = "    @step\n    def end(self):\n        self.result = compute({fibo})\n\n"
FAN = """    @step
    def start(self):
        self.splits = list(range({size}))
        self.next(self.split, foreach="splits")

    @step
    def split(self):
        self.result = compute({fibo})
        self.next(self.join)

    @step
    def join(self, inputs):
        self.result = sum(split.result for split in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass

"""
TAIL = '\nif __name__ == "__main__":\n    {flow}()\n'


def make_home(folder: Path) -> tuple[Path, Path, dict[str, str]]:
    """A home, a folder for flows, and the environment of a user who has both and no Temporal server.

    Apart from each other: a flow's code package holds all code below the flow's folder.
    """
    home, sources = folder / "home", folder / "flows"
    home.mkdir()
    sources.mkdir()
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")},
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "METAFLOW_USER": "bench",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(home),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "MFTCTL_PYTHON": sys.executable,
    }
    return home, sources, env


def write(folder: Path) -> None:
    """Write `FLOW.py` for each work into the folder."""
    for work in WORKS:
        (folder / f"{work.flow}.py").write_text(source(work))


def source(work: Work) -> str:
    """A flow that does the work."""
    if work.shape == "fan":
        body = FAN.format(size=work.size, fibo=work.fibo)
    else:
        names = ["start", *(f"s{index}" for index in range(1, work.size - 1)), "end"]
        pairs = pairwise(names)
        body = "".join(STEP.format(name=name, after=after, fibo=work.fibo) for name, after in pairs)
        body += END.format(fibo=work.fibo)
    return HEAD.format(flow=work.flow) + body + TAIL.format(flow=work.flow)
