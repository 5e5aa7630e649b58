"""What @temporal and --step-queue say of a step becomes part of the manifest, or is refused with a clear line."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mftctl.interpreter.compilation import compile_flow
from mftctl.model.errors import Exit, MftctlError
from mftctl.model.manifest import Dispatch, Manifest
from mftctl.model.options import Options
from mftctl.model.resources import Resources

FLOW = """
from metaflow import FlowSpec, step, temporal

class Sent(FlowSpec):
    @temporal({arguments})
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Sent()
"""


def compiled(folder: Path, arguments: str = "", **options: object) -> Manifest:
    """The manifest of the flow."""
    (folder / "sent.py").write_text(FLOW.format(arguments=arguments))
    made = replace(Options(), **options)
    return asyncio.run(compile_flow("sent.py", made, sys.executable, folder / "cache"))


def test_the_decorator_the_option_and_with_reach_the_manifest(folder):
    """The option of the deployment counts before the decorator, and --with where a step has none of its own."""
    arguments = 'queue="gpu", priority=1, fairness_key="a", start_to_close="15m", schedule_to_start=60, heartbeat="30s"'
    found = compiled(
        folder, arguments, step_queues=("start=a100",), decorators=("temporal:queue=cpu,start_to_close=2h",)
    )
    assert found.graph["start"].dispatch == Dispatch("a100", 1, "a", 900.0, 60.0, 30.0)
    assert found.graph["end"].dispatch == Dispatch("cpu", start_to_close=7200.0)
    assert found.step_queues == {"a100": ("start",), "cpu": ("end",)}
    assert found.to_plain()["schema_version"] == 3
    assert found.without_step_queues().step_queues == {}


def test_what_resources_asks_for_reaches_the_manifest(folder):
    """All of it where a slot is not enough; else the memory, which a worker may enforce."""
    found = compiled(folder, "queue='gpu'", decorators=("resources:cpu=1,memory=512",))
    assert found.graph["start"].dispatch == Dispatch("gpu", memory=512)
    found = compiled(folder, "queue='gpu'", decorators=("resources:cpu=2,memory=512",))
    assert found.graph["start"].dispatch == Dispatch("gpu", needs=Resources(2.0, 512), memory=512)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("queue=''", "queue='': a task queue needs a name"),
        ("queue=5", "queue=5: a task queue needs a name"),
        ("queue='/_sys/x'", "Temporal's own"),
        ("priority=6", "priority=6: it must be a number from 1 to 5"),
        ("priority=True", "priority=True: it must be a number"),
        ("fairness_key='x' * 65", "it must be a text of 1 to 64 bytes"),
        ("start_to_close='soon'", "start_to_close='soon': it must be seconds, or a duration"),
        ("schedule_to_start=-1", "it must be seconds"),
        ("heartbeat=2", "heartbeat=2: it must be at least 5 s"),
        ("start_to_close=True", "it must be seconds"),
    ],
)
def test_a_value_that_nobody_can_follow_is_refused(folder, arguments, words):
    """Before anything starts, with the step and the decorator."""
    with pytest.raises(MftctlError) as caught:
        compiled(folder, arguments)
    assert caught.value.message.startswith("step start, @temporal: ")
    assert words in caught.value.message
    assert caught.value.exit == Exit.USAGE


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("train=gpu", "the flow has no step 'train'"),
        ("start", "it has no '='"),
        ("start=", "a task queue needs a name"),
    ],
)
def test_a_step_queue_of_no_step_is_refused(folder, option, words):
    """With the steps that there are, or how to write it."""
    with pytest.raises(MftctlError) as caught:
        compiled(folder, step_queues=(option,))
    assert words in caught.value.message
    assert (caught.value.exit, caught.value.message.startswith("--step-queue: ")) == (Exit.USAGE, True)
    assert caught.value.hint
