"""What is made of the table of options of `deploy`."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mftctl.cli.command_tree import commands
from mftctl.model.options import Options, TokenOptions, rows

ROOT = Path(__file__).resolve().parents[3]
ROWS = {**rows(Options), **rows(TokenOptions)}


@pytest.fixture(scope="module")
def table() -> Any:
    sys.path.insert(0, str(ROOT / "packaging"))
    try:
        import option_table
    finally:
        sys.path.pop(0)
    return option_table


def test_what_is_made_of_the_table_is_up_to_date(table: Any) -> None:
    """Options of `temporal create`, the Deployer's keywords, the keys of a profile; `just reference` remakes them."""
    for path, text in table.files().items():
        assert path.read_text("utf-8") == text, path


def test_the_command_line_has_every_option_of_the_table() -> None:
    """`deploy` has all, with their flags, and `run` those that are ``in_run`` and no others."""
    flags = {one.name: {name for option in one.options for name in option.names} for one in commands()}
    assert {row.flag for row in ROWS.values()} <= flags["deploy"]
    assert {row.flag for row in ROWS.values() if row.flag in flags["run"]} == {
        row.flag for row in ROWS.values() if row.in_run
    }


def test_the_deployer_documents_every_keyword_once() -> None:
    """Its docstring has what `temporal create` takes."""
    importlib.import_module("metaflow")  # which loads the extension with itself
    from metaflow_extensions.temporal.plugins.temporal.deployer import TemporalDeployer

    lines = inspect.getdoc(TemporalDeployer.create).splitlines()
    keywords = [line.partition(" : ")[0] for line in lines if ", optional, default" in line]
    assert {row.keyword for row in ROWS.values() if row.in_create} < set(keywords)
    assert len(keywords) == len(set(keywords))


def test_the_extension_knows_its_options_without_mftctl() -> None:
    """Metaflow imports the commands also where mftctl is not installed: no module of it is imported."""
    code = (
        "import sys; from metaflow_extensions.temporal.plugins.temporal.command_group import temporal;"
        "assert any(one.name == 'max_workers' for one in temporal.commands['create'].params);"
        "assert not [name for name in sys.modules if name.partition('.')[0] == 'mftctl']"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
