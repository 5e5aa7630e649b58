"""Random graphs in which random tasks fail: resumed as often as it takes, a run is as one that never failed.

Two graphs by default, always the same ones, and many more of them with `-m soak`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

from .graphs import CLASS, graphs, source
from .harness import EXIT_RUN_FAILED, Stage, command
from .shapes import Graph
from .test_fidelity import group, needs_mftctl

FINISHED = Path(__file__).resolve().parent / "finished.py"
SETTINGS = settings(
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
#: Lets a task that is named in a file fail, and every other leave a line when it has done its work.
WITNESS = """
def witness(flow):
    path = ".".join(str(frame.index) for frame in flow._foreach_stack)
    turns = "".join(f"~{turn}" for turn in flow._iteration_stack or ())
    key = flow._current_step + (f"[{path}]" if path else "") + turns
    with open("PLACE/fails") as fails:
        if key in fails.read().split():
            raise RuntimeError(f"{key} fails")
    with open("PLACE/done", "a") as done:
        done.write(f"{current.run_id} {current.step_name}/{current.task_id}\\n")


class """
Commands = Callable[..., str]


def witnessed(graph: Graph, place: Path) -> str:
    """Give the source of the graph's flow, whose tasks fail and leave lines in a folder."""
    text = _with_own_names(source(graph)).replace("\nclass ", WITNESS.replace("PLACE", str(place)), 1)
    # At the end of what every step does: a task has done its work when it has not failed as the graph wants it.
    return text.replace("\n    def gather(self", "        witness(self)\n\n    def gather(self", 1)


def _with_own_names(text: str) -> str:
    """Give each foreach an artifact of its own.

    Metaflow looks for an outer split's value in the artifact of that name, which may be that of an inner foreach with
    fewer splits: `python flow.py run` fails there, too.
    """
    foreach = re.compile(r'self\.items = ([^\n]*\n\s*self\.next\(self\.(\w+), foreach=")items"')
    text = foreach.sub(r'self.items_\2 = \1items_\2"', text)
    return text.replace('("caught_", "_catch_exception")', '("caught_", "_catch_exception", "items_")')


def resumed_is_whole(
    graph: Graph, picks: list[int], stage: Stage, mftctl: list[str], env: dict[str, str]
) -> None:
    """Compare a run in which the picked tasks fail, one resume after the other, with one in which none does."""
    name = f"resumed_{hashlib.sha256((source(graph) + repr(picks)).encode()).hexdigest()[:10]}"
    place = stage.folder / name
    place.mkdir(exist_ok=True)
    fails, done = place / "fails", place / "done"
    fails.write_text("")
    (stage.flows / f"{name}.py").write_text(witnessed(graph, place), encoding="utf-8")

    def ours(*words: str, expected: int = 0) -> str:
        return command([*mftctl, *words], stage, env, expected)

    ours("deploy", f"{name}.py", "--name", name)
    whole = json.loads(ours("trigger", name, "--wait", "-o", "json"))["run_id"]
    candidates = [task.key for task in graph.tasks() if not graph.steps[task.step].catch]
    failing = list(dict.fromkeys(candidates[pick % len(candidates)] for pick in picks))
    note(f"fails: {failing}")
    fails.write_text(" ".join(failing))
    id_file = place / "id"
    ours("trigger", name, "--wait", "--run-id-file", str(id_file), expected=EXIT_RUN_FAILED)
    resumed = id_file.read_text().strip()
    while failing:
        # Those that come first have failed; which of two that run side by side, is a matter of time.
        failing.pop(0)
        fails.write_text(" ".join(failing))
        ours("runs", "resume", resumed, "--wait", expected=EXIT_RUN_FAILED if failing else 0)
    reading = [stage.python, str(FINISHED), f"{CLASS}/{whole}", f"{CLASS}/{resumed}"]
    one, other = json.loads(command(reading, stage, stage.environment()))
    assert other["successful"]
    assert other["tasks"].keys() == one["tasks"].keys()
    lines = done.read_text().splitlines()
    for key, (task,) in other["tasks"].items():
        assert task["artifacts"] == one["tasks"][key][0]["artifacts"], key
        step = key.split("[")[0].split("~")[0]
        assert lines.count(f"{resumed} {step}/{task['id']}") == (not graph.steps[step].catch), key


@needs_mftctl
@pytest.mark.fidelity
@group(1)
@settings(SETTINGS, max_examples=2)
@seed(0)
@given(graph=graphs(), picks=st.lists(st.integers(0, 25), min_size=1, max_size=2))
def test_a_resumed_run_is_whole(
    graph: Graph,
    picks: list[int],
    stage: Stage,
    mftctl: list[str],
    served: Callable[[str], dict[str, str]],
) -> None:
    """A run whose tasks failed has, once resumed, the artifacts of one that never failed, each made once."""
    note(source(graph))
    resumed_is_whole(graph, picks, stage, mftctl, served("fork"))


@needs_mftctl
@pytest.mark.fidelity
@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(SETTINGS, max_examples=60)
@given(graph=graphs(), picks=st.lists(st.integers(0, 25), min_size=1, max_size=4))
def test_resumed_runs_are_whole(
    graph: Graph,
    picks: list[int],
    stage: Stage,
    mftctl: list[str],
    served: Callable[[str], dict[str, str]],
) -> None:
    """So it is in many graphs, new ones each time, with up to four failures."""
    note(source(graph))
    resumed_is_whole(graph, picks, stage, mftctl, served("fork"))
