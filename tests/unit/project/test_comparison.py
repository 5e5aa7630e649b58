"""The comparison with other orchestrators is true as far as this project's own tests can show."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "comparison.md"
ROWS = [line for line in PAGE.read_text().splitlines() if line.startswith("|") and "---" not in line]
NAMED = [(row, re.findall(r"`((?:unit|e2e|fidelity|scale)/[^`]+\.py[^`]*)`", row)) for row in ROWS]


@pytest.mark.parametrize(("row", "tests"), [(row, tests) for row, tests in NAMED if "shown by" not in row])
def test_each_row_names_a_test_that_there_is(row: str, tests: list[str]) -> None:
    """One that exists, and is not marked to be skipped."""
    assert tests, row
    for named in tests:
        file, _, name = named.partition("::")
        tree = ast.parse((ROOT / "tests" / file).read_text())
        functions = {
            node.name: node
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }
        assert not name or name in functions, named
        skips = [ast.unparse(one) for one in functions[name].decorator_list] if name else []
        assert not [one for one in skips if one.startswith("pytest.mark.skip(")], named
