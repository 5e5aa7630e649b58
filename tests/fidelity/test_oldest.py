"""The oldest supported Metaflow: flows are the same through mftctl as through its own `python flow.py run`.

A few cases by default, of the parts that differ most between versions, and the whole catalogue with `-m soak`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .catalogue import CASES, FlowCase
from .compare import differences
from .harness import Stage, dump, ours, temporal_server, worker
from .references import References
from .test_fidelity import needs_mftctl

USUAL = ("mutators",)


@pytest.fixture(scope="module")
def run_both(
    old_stage: Stage,
    old_references: References,
    mftctl: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[FlowCase], list[str]]]:
    """Run a case both ways and give the differences."""
    folder = tmp_path_factory.mktemp("server")
    with temporal_server(folder) as address:
        env = old_stage.environment(TEMPORAL_ADDRESS=address, MFTCTL_ISOLATION="fork")
        with worker(mftctl, old_stage, env, folder / "worker.log"):

            def run(case: FlowCase) -> list[str]:
                old_references.start(case)
                pathspec = ours(case, old_stage, env, "fork", mftctl)
                found = dump(pathspec, old_stage, old_stage.environment())
                return differences(old_references(case), found, case.rules)

            yield run


def parameters() -> list[Any]:
    """Give every case, most of them for long runs."""
    return [
        pytest.param(case, id=case.name, marks=[] if case.name in USUAL else [pytest.mark.soak])
        for case in CASES
    ]


@needs_mftctl
@pytest.mark.fidelity
@pytest.mark.xdist_group("fidelity-oldest")
@pytest.mark.parametrize("case", parameters())
def test_run_is_as_the_local_run_of_the_oldest(
    case: FlowCase, old_stage: Stage, run_both: Callable[[FlowCase], list[str]]
) -> None:
    """All that a run leaves behind is the reference's, where both are the oldest supported Metaflow's."""
    if not old_stage.runs(case):
        pytest.skip(f"metaflow {old_stage.metaflow} itself does not run it so, only {case.since} and newer")
    found = run_both(case)
    assert not found, "\n" + "\n".join(found)
