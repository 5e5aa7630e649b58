"""Every flow of the catalogue leaves the same behind through mftctl as through `python flow.py run`."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any

import pytest

from .catalogue import CASES, FlowCase
from .compare import differences

if TYPE_CHECKING:
    from collections.abc import Callable

    from .harness import Stage
    from .references import References

ISOLATIONS = ("fork", "spawn")
#: Groups of tests that stay in one process under xdist, which has a server and a worker; a free process takes the next.
GROUPS = 2
#: What `spawn` could do otherwise than `fork`, and the case that would show it; the other cases run with `-m soak`.
#: Flows that fork cannot serve (import_thread, @environment) are no matter of the mode: they get a process in both.
SPAWNED = {
    "parameters_all-given": "values go through a command line",
    "foreach_simple": "so does it a task's inputs and the split's index",
    "config_values": "the command line of every task names the configs",
    "parallel_nodes": "a control task has no host that would start its nodes",
    "retry_process_dies": "the process that dies is no child of the host",
    "logs_shapes": "output is the interpreter's from its start on, not redirected later",
    "own_classes": "classes of a `__main__` that boot.py makes",
}


#: Cases that hold nothing by themselves: others in the usual tests are made of the same parts. They run with `-m soak`.
LONG = frozenset(
    {
        "branch",
        "branch_in_foreach",
        "branch_nested",
        "card_refresh",
        "catch_process_dies",
        "catch_retry",
        "config_values-file",
        "config_values-value",
        "current_values-tagged",
        "exit_hooks_error",
        "fails",
        "fails-with-catch",
        "foreach_between",
        "foreach_deep",
        "foreach_in_branch",
        "foreach_simple",
        "foreach_values",
        "foreach_wide",
        "import_child",
        "import_socket",
        "import_tempdir",
        "imported_flow",
        "include_file",
        "linear",
        "linear-with",
        "merge_conflict",
        "mutators-given",
        "numpy_unseeded",
        "parallel_retry",
        "parameters_all",
        "parameters_all-given",
        "parameters_click",
        "parameters_required",
        "project_branch",
        "project_branch-branch",
        "recursive_in_branch",
        "recursive_in_foreach",
        "resources_asked",
        "retry_exhausted",
        "switch_in_branch",
        "switch_in_foreach",
        "switch_in_foreach_converging",
        "switch_linear",
        "switch_linear-fast",
        "switch_linear-straight",
        "switch_nested",
        "switch_no_case",
    }
)


def _is_there() -> bool:
    if os.environ.get("MFTCTL_FIDELITY_COMMAND"):
        return True
    return (
        importlib.util.find_spec("mftctl") is not None
        and importlib.util.find_spec("mftctl.__main__") is not None
    )


needs_mftctl = pytest.mark.skipif(not _is_there(), reason="there is no mftctl to test")
pytestmark = [pytest.mark.fidelity, needs_mftctl]


def group(number: int) -> pytest.MarkDecorator:
    """Mark a test that needs a server and a worker of the mode `fork`; equal numbers share them."""
    return pytest.mark.xdist_group(f"fidelity-{number % GROUPS}")


def _marks(case: FlowCase, isolation: str) -> list[pytest.MarkDecorator]:
    marks = [getattr(pytest.mark, mark) for mark in case.marks]
    if isolation == "fork":
        return [*marks, *([pytest.mark.soak] if case.name in LONG else []), group(CASES.index(case))]
    soak = [] if case.name in SPAWNED else [pytest.mark.soak]
    return [*marks, *soak, pytest.mark.xdist_group("fidelity-spawn")]


def parameters() -> list[Any]:
    """Give every case in every isolation mode, with its marks."""
    return [
        pytest.param(case, isolation, id=f"{case.name}-{isolation}", marks=_marks(case, isolation))
        for isolation in ISOLATIONS
        for case in CASES
    ]


def test_chosen_cases_are_in_the_catalogue() -> None:
    """A case that was renamed is not left out in silence."""
    assert SPAWNED.keys() | LONG <= {case.name for case in CASES}


@pytest.mark.parametrize(("case", "isolation"), parameters())
def test_run_is_as_the_local_run(
    case: FlowCase,
    isolation: str,
    stage: Stage,
    references: References,
    run_ours: Callable[[FlowCase, str], dict[str, Any]],
) -> None:
    """Artifacts, attempts, logs, parents, tags, metadata and cards of all tasks are the reference's."""
    for module in case.needs:
        pytest.importorskip(module)
    if not stage.runs(case):
        pytest.skip(f"metaflow {stage.metaflow} itself does not run it so, only {case.since} and newer")
    references.start(case)  # beside ours, which waits a good deal for its server
    ours = run_ours(case, isolation)
    found = differences(references(case), ours, case.rules)
    assert not found, "\n" + "\n".join(found)
