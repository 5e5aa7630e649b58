"""Random graphs run as Metaflow runs them; what Metaflow runs is what the graph's description says.

Two graphs by default, always the same ones. MFTCTL_FIDELITY_EXAMPLES asks for more, which are new ones every time.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings

from .catalogue import FlowCase
from .compare import differences
from .graphs import CLASS, graphs, source
from .harness import Stage
from .shapes import Graph
from .test_fidelity import group, needs_mftctl

if TYPE_CHECKING:
    from collections.abc import Callable

    from .references import References

EXAMPLES = int(os.environ.get("MFTCTL_FIDELITY_EXAMPLES", "0"))
#: Of the usual graphs, whatever their tests are called: what local runs of them leave behind is kept. One is the least
#: that there is, the other has 24 steps of every type, with @retry and @catch.
SEED = 0
SETTINGS = settings(
    max_examples=EXAMPLES or 2,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate)
    if not EXAMPLES
    else (Phase.generate,)
    if os.environ.get("MFTCTL_FIDELITY_NO_SHRINK")
    else tuple(Phase),
    suppress_health_check=list(HealthCheck),
)
Dump = dict[str, Any]


def seeded(test: Any) -> Any:
    """The test with the usual graphs, unless new ones are asked for."""
    return test if EXAMPLES else seed(SEED)(test)


def as_case(graph: Graph, stage: Stage) -> FlowCase:
    """Write the graph's flow beside the other flows and give the case that runs it."""
    text = source(graph)
    file = f"random_{hashlib.sha256(text.encode()).hexdigest()[:10]}.py"
    (stage.flows / file).write_text(text, encoding="utf-8")
    return FlowCase(file, flow=CLASS, run_options=("--max-workers", "4"))


def against_description(graph: Graph, found: Dump) -> list[str]:
    """List where a dump is not what the graph's description says: its tasks, their attempts and the joins' inputs."""
    expected = {task.key: task for task in graph.tasks()}
    wrong = [f"{key}: expected and not run" for key in expected.keys() - found["tasks"].keys()]
    wrong += [f"{key}: run and not expected" for key in found["tasks"].keys() - expected.keys()]
    for key in expected.keys() & found["tasks"].keys():
        attempts = found["tasks"][key]["attempts"]
        if len(attempts) != expected[key].attempts:
            wrong.append(f"{key}: {len(attempts)} attempts, expected {expected[key].attempts}")
        last = attempts[max(attempts, key=int)]["artifacts"]
        if graph.steps[expected[key].step].is_join and len(last["gathered"]) != len(expected[key].inputs):
            wrong.append(f"{key}: {len(last['gathered'])} inputs, expected {len(expected[key].inputs)}")
        if expected[key].ordered and "gathered" in last and graph.steps[expected[key].step].is_join:
            came = [trail[-1][1][-1] for trail in last["gathered"] if trail[-1][0] != "joined"]
            if came != sorted(came):
                wrong.append(f"{key}: inputs in the order {came}")
    return sorted(wrong)


@pytest.mark.fidelity
@pytest.mark.soak
@group(0)
@pytest.mark.timeout(60 * max(EXAMPLES, 15))
@SETTINGS
@seeded
@given(graph=graphs())
def test_local_runs_are_as_described(graph: Graph, stage: Stage, references: References) -> None:
    """`python flow.py run` makes the tasks that `Graph.tasks` expects, which so can serve as the plan's oracle."""
    note(source(graph))
    case = as_case(graph, stage)
    wrong = against_description(graph, references(case))
    assert not wrong, "\n" + "\n".join(wrong)


@needs_mftctl
@pytest.mark.fidelity
@pytest.mark.timeout(60 * max(EXAMPLES, 15))
@pytest.mark.parametrize(
    "isolation",
    [
        pytest.param("fork", marks=group(0)),
        pytest.param("spawn", marks=[pytest.mark.soak, pytest.mark.xdist_group("fidelity-spawn")]),
    ],
)
@SETTINGS
@seeded
@given(graph=graphs())
def test_random_run_is_as_the_local_run(
    graph: Graph,
    isolation: str,
    stage: Stage,
    references: References,
    run_ours: Callable[[FlowCase, str], Dump],
) -> None:
    """A run through mftctl leaves behind what the local run leaves behind, which is what the graph describes."""
    note(source(graph))
    case = as_case(graph, stage)
    references.start(case)
    ours = run_ours(case, isolation)
    found = against_description(graph, references(case))
    found += differences(references(case), ours, case.rules)
    assert not found, "\n" + "\n".join(found)
