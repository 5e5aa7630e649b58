"""What Metaflow's own orchestrators take, ours takes as well, or docs/reference/metaflow.md says why not."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "reference" / "metaflow.md"
#: Each group of commands with its options, `{command: {option: keyword}}`; and what the Deployer's objects have.
TOLD = """
import json
from metaflow.plugins.argo import argo_workflows_deployer, argo_workflows_deployer_objects
from metaflow.plugins.argo.argo_workflows_cli import cli as argo
from metaflow.plugins.aws.step_functions import step_functions_deployer, step_functions_deployer_objects
from metaflow.plugins.aws.step_functions.step_functions_cli import cli as step_functions
from metaflow_extensions.temporal.plugins.temporal import deployed_flow, deployer, triggered_run
from metaflow_extensions.temporal.plugins.temporal.command_group import cli as temporal

def options(command):
    # An argument has no word of its own on the command line.
    words = lambda one: (*one.opts, *one.secondary_opts) if one.param_type_name == "option" else [one.name]
    return {word: one.name for one in command.params for word in words(one)}

def commands(cli):
    (group,) = cli.commands.values()
    return {"": options(group), **{name: options(one) for name, one in group.commands.items()}}

def attributes(*modules):
    return {
        name: sorted(word for word in dir(cls) if not word.startswith("_"))
        for module in modules
        for cls in vars(module).values()
        for name in ("DeployedFlow", "TriggeredRun", "Deployer")
        if isinstance(cls, type) and cls.__module__ == module.__name__ and cls.__name__.endswith(name)
    }

print(json.dumps({
    "argo-workflows": [commands(argo), attributes(argo_workflows_deployer, argo_workflows_deployer_objects)],
    "step-functions": [
        commands(step_functions), attributes(step_functions_deployer, step_functions_deployer_objects)],
    "temporal": [commands(temporal), attributes(deployer, deployed_flow, triggered_run)],
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict:
    """What the installed metaflow and our extension have."""
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", TOLD],
        cwd=tmp_path_factory.mktemp("told"),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def refused() -> set[str]:
    """Options, commands and attributes (`Class.name`) of other orchestrators, from docs/reference/metaflow.md."""
    _, _, section = DOCUMENTATION.read_text().partition("\n## Commands and options of Argo Workflows")
    rows = re.findall(r"^\| (`.*?) \|", section.split("\n## ")[0], re.MULTILINE)
    return {word for row in rows for code in re.findall(r"`([^`]+)`", row) for word in code.split()}


@pytest.mark.parametrize("theirs", ["argo-workflows", "step-functions"])
def test_every_option_is_there_or_refused_with_a_reason(told, refused, theirs) -> None:
    """Under the same name, and the same keyword of the Deployer; a new one of a later metaflow shows up here."""
    ours, missing = told["temporal"][0], []
    for command, options in told[theirs][0].items():
        if command not in ours:
            missing += [command] if command not in refused else []
            continue
        for option, keyword in options.items():
            if option in ours[command]:
                assert ours[command][option] == keyword, f"{command} {option}"
            elif option.replace("--no-", "--") not in refused:
                missing.append(f"{command} {option}")
    assert missing == []


@pytest.mark.parametrize("theirs", ["argo-workflows", "step-functions"])
def test_the_deployers_objects_have_what_theirs_have(told, refused, theirs) -> None:
    """Every public attribute of a deployer, a deployed flow and a triggered run."""
    ours = told["temporal"][1]
    missing = {
        f"{name}.{word}"
        for name, words in told[theirs][1].items()
        for word in words
        if word not in ours[name]
    }
    assert sorted(ours) == ["DeployedFlow", "Deployer", "TriggeredRun"]
    assert missing <= refused


def test_nothing_is_refused_that_is_there_or_unknown(told, refused) -> None:
    """No row of the table has outlived its reason."""
    ours = told["temporal"][0]
    theirs = [told[name] for name in ("argo-workflows", "step-functions")]
    known = {f"{name}.{word}" for _, one in theirs for name, words in one.items() for word in words}
    for commands, _ in theirs:
        for command, options in commands.items():
            known |= set(options) - set(ours.get(command, ())) | {command} - set(ours)
    assert refused <= known
    assert len(refused) > 15
