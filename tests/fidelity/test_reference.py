"""Two local runs of a flow agree: what the comparison reports is a difference, not the noise of two runs.

Takes as long as all the flows take twice, so it runs on request: MFTCTL_FIDELITY_SELF=1.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from .catalogue import CASES, FLOWS, FlowCase
from .compare import differences

if TYPE_CHECKING:
    from .conftest import References


@pytest.mark.skipif(not os.environ.get("MFTCTL_FIDELITY_SELF"), reason="on request: MFTCTL_FIDELITY_SELF=1")
@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c.name, marks=[getattr(pytest.mark, m) for m in c.marks]) for c in CASES]
)
def test_two_local_runs_agree(case: FlowCase, references: References) -> None:
    """The comparer finds nothing between a flow's local run and its next."""
    for module in case.needs:
        pytest.importorskip(module)
    again = references.make(case)
    found = differences(references(case), again, case.rules)
    assert not found, "\n" + "\n".join(found)


def test_every_flow_is_in_the_catalogue() -> None:
    """No flow file lies beside the suite unused, and each says what it holds."""
    files = {path.name for path in FLOWS.glob("*.py")}
    assert files == {case.file for case in CASES}
    for name in files:
        assert (FLOWS / name).read_text(encoding="utf-8").startswith('"""'), name


def test_case_names_are_unique() -> None:
    """A case's name stands for it in reports and caches."""
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
