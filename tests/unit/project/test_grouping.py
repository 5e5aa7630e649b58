"""Tests of a group run in one process: what they share is made once (`tests/conftest.py`)."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from xdist.scheduler import LoadGroupScheduling


class _Grouped:
    """The configuration of a run with `--dist=loadgroup`."""

    def getoption(self, name: str, **_: object) -> bool:
        """Say yes to ``loadgroup``, which xdist sets in each of its processes."""
        return name == "loadgroup"


@pytest.mark.xdist_group("grouping")
def test_xdist_finds_a_tests_group(request: pytest.FixtureRequest) -> None:
    """Whatever xdist and pytest make of a test's id: all tests of a group are one piece of its work."""
    conftest = request.config.pluginmanager.get_plugin(str(Path(__file__).parents[2] / "conftest.py"))
    items = [
        cast(
            "pytest.Function",
            pytest.Function.from_parent(request.node.parent, name=name, callobj=lambda: None),
        )
        for name in ("first", "second", "alone")
    ]
    for item in items[:2]:
        item.add_marker(pytest.mark.xdist_group("together"))
    conftest.pytest_collection_modifyitems(_Grouped(), items)
    scheduler = object.__new__(LoadGroupScheduling)  # what it makes of an id needs no processes
    first, second, alone = (scheduler._split_scope(item.nodeid) for item in items)
    assert (first, second, alone) == ("together", "together", items[2].nodeid)
    if hasattr(request.config, "workerinput"):  # this very run has groups, too
        assert scheduler._split_scope(request.node.nodeid) == "grouping"
