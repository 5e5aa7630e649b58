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

    from .conftest import References

ISOLATIONS = ("fork", "spawn")


def _is_there() -> bool:
    if os.environ.get("MFTCTL_FIDELITY_COMMAND"):
        return True
    return (
        importlib.util.find_spec("mftctl") is not None
        and importlib.util.find_spec("mftctl.__main__") is not None
    )


needs_mftctl = pytest.mark.skipif(not _is_there(), reason="there is no mftctl to test")
pytestmark = [pytest.mark.fidelity, needs_mftctl]


def _marks(case: FlowCase, isolation: str) -> list[pytest.MarkDecorator]:
    # Under xdist an isolation mode's tests stay in one process, which has its server and worker.
    group = pytest.mark.xdist_group(f"fidelity-{isolation}")
    return [group, *(getattr(pytest.mark, mark) for mark in case.marks)]


def parameters() -> list[Any]:
    """Give every case in every isolation mode, with its marks."""
    return [
        pytest.param(case, isolation, id=f"{case.name}-{isolation}", marks=_marks(case, isolation))
        for isolation in ISOLATIONS
        for case in CASES
    ]


@pytest.mark.parametrize(("case", "isolation"), parameters())
def test_run_is_as_the_local_run(
    case: FlowCase,
    isolation: str,
    references: References,
    run_ours: Callable[[FlowCase, str], dict[str, Any]],
) -> None:
    """Artifacts, attempts, logs, parents, tags, metadata and cards of all tasks are the reference's."""
    for module in case.needs:
        pytest.importorskip(module)
    found = differences(references(case), run_ours(case, isolation), case.rules)
    assert not found, "\n" + "\n".join(found)
