"""The kept references are what `python flow.py run` leaves behind, again and again.

`./just soak tests/fidelity/test_reference.py` runs every flow for that; `./just references` keeps what is missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .catalogue import CASES, FLOWS, FlowCase
from .compare import differences
from .harness import HarnessError, Stage
from .references import LARGE, References, digest
from .test_oldest import USUAL

LOCAL_RUN = {"run": {"steps": []}, "parameters": {}, "tasks": {}}


def parameters() -> list[Any]:
    """Give every case with its marks."""
    kept = [case for case in CASES if case.name not in LARGE]
    return [pytest.param(c, id=c.name, marks=[getattr(pytest.mark, m) for m in c.marks]) for c in kept]


def is_kept(case: FlowCase, references: References) -> None:
    """Compare the dump of a case, a kept one if CI reads it, with that of a new run; or keep it, where asked to."""
    for module in case.needs:
        pytest.importorskip(module)
    found = differences(references(case), references.make(case), case.rules) if not references.refresh else []
    references(case)
    assert not found, "\n" + "\n".join(found)
    if (references.kept / f"{case.name}.json").exists():
        assert references.found(case), f"of another flow: run `./just references` for {references.kept}"


@pytest.mark.soak
@pytest.mark.parametrize("case", parameters())
def test_a_kept_reference_is_what_a_local_run_leaves(case: FlowCase, references: References) -> None:
    """Artifacts, attempts, logs, parents, tags, metadata and cards of a new `python flow.py run` are those kept."""
    is_kept(case, references)


@pytest.mark.soak
@pytest.mark.parametrize("case", [case for case in CASES if case.name in USUAL], ids=lambda case: case.name)
def test_so_it_is_with_the_oldest_metaflow(case: FlowCase, old_references: References) -> None:
    """What is kept of the oldest supported Metaflow's runs is what a new one leaves."""
    is_kept(case, old_references)


def test_a_reference_that_is_not_kept_is_an_error_in_ci(stage: Stage, tmp_path: Path) -> None:
    """Where references are kept, CI makes none in silence: the message names the command that does."""
    references = References(stage, tmp_path, insist=True)
    references.kept = tmp_path
    with pytest.raises(HarnessError, match=r"linear\.json is missing.*`./just references`"):
        references(FlowCase("linear.py"))


def test_a_reference_is_of_one_flow_and_one_way_to_run_it(stage: Stage, tmp_path: Path) -> None:
    """A kept dump counts no more when the flow, what it imports, or the case has changed."""
    references = References(stage, tmp_path)
    references.kept = tmp_path
    case = FlowCase("inherited.py")
    references.keep(case, LOCAL_RUN)
    assert references(case) == LOCAL_RUN
    assert references.found(FlowCase("inherited.py", tags=("other",))) is None
    flows = tmp_path / "flows"
    (flows / "helpers").mkdir(parents=True)
    for name in ("inherited.py", "helpers/base_flow.py"):
        (flows / name).write_bytes((FLOWS / name).read_bytes())
    before = digest(case, flows, flows)
    for name in ("inherited.py", "helpers/base_flow.py"):
        text = (flows / name).read_text(encoding="utf-8")
        (flows / name).write_text(text + "\n", encoding="utf-8")
        assert digest(case, flows, flows) != before, name
        (flows / name).write_text(text, encoding="utf-8")
    assert digest(case, flows, flows) == before


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
