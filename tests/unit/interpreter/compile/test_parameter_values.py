"""Parameters whose values come from variables of the environment, as `python flow.py run` takes them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from metaflow import JSONType
from metaflow import Parameter as Declared
from metaflow._vendor import click

from metaflow_extensions.temporal.plugins.temporal.parameter_options import (
    _parameter_option,
    given_parameters,
)
from mftctl.control.runs.run_parameters import from_click, parse_words, resolve, validate
from mftctl.interpreter.inside.attempt import metaflow_commands
from mftctl.interpreter.inside.compile.declared_parameters import click_option, parameters_of
from mftctl.interpreter.inside.compile.parameter_values import click_error, from_variables
from mftctl.model.errors import MftctlError
from mftctl.model.manifest import Manifest
from mftctl.model.task import Task, TaskInput, TaskRef

from ...manifests import Flow, manifest, not_called


def compiled(declared: Any) -> Manifest:
    parameters = parameters_of(Flow(declared))
    made = manifest(*parameters)
    return replace(
        made, launch=replace(made.launch, spellings={one.name: one.spelling for one in parameters})
    )


def by_click(declared: Any, name: str, words: list[str]) -> Any:
    """What click reads for a command of the flow."""
    option = click_option(declared)
    line = click.Command(name, params=[option])
    return line.make_context(name, words, auto_envvar_prefix=f"METAFLOW_{name.upper()}").params[option.name]


def stored(declared: Any, given: dict[str, str], patch: pytest.MonkeyPatch) -> Any:
    """What `init` stores for these values."""
    flow = compiled(declared)
    validate(flow, given)
    first = TaskInput(flow.launch, "r", Task(TaskRef("body")), parameters=resolve(flow, given, not_called))
    line = metaflow_commands.init_command(first)
    with patch.context() as within:
        for name, value in metaflow_commands.init_variables(first).items():
            within.setenv(name, value)
        return by_click(declared, "init", line[line.index("--task-id") + 2 :])


def triggered(declared: Any) -> dict[str, str]:
    """What `python flow.py temporal trigger` reads."""
    option = _parameter_option(click_option(declared))
    options = click.Command("trigger", params=[option]).make_context("trigger", []).params
    return given_parameters(Flow(declared), options)


CASES: list[tuple[dict[str, Any], dict[str, str], Any]] = [
    ({"type": click.Path(), "multiple": True}, {"METAFLOW_RUN_MY_P": "/a b:/c"}, ("/a b", "/c")),
    ({"type": str, "multiple": True}, {"METAFLOW_RUN_MY_P": " a  b:c "}, ("a", "b:c")),
    (
        {"type": int, "multiple": True, "nargs": 2},
        {"METAFLOW_RUN_MY_P": "1 2 3 4 5"},
        ((1, 2), (3, 4)),
    ),
    ({"type": (str, int)}, {"METAFLOW_RUN_MY_P": "a 2"}, ("a", 2)),
    ({"type": JSONType, "multiple": True}, {"METAFLOW_RUN_MY_P": '[1] "a"'}, ([1], "a")),
    ({"is_flag": True, "flag_value": "UP"}, {"METAFLOW_RUN_MY_P": "1"}, "1"),
    ({"is_flag": True, "flag_value": "UP"}, {"METAFLOW_RUN_MY_P": "UP"}, "UP"),
    ({"is_flag": True, "flag_value": 7, "type": int}, {"METAFLOW_RUN_MY_P": "9"}, 9),
    ({"is_flag": True, "default": False}, {"METAFLOW_RUN_MY_P": "yes"}, True),
    ({"is_flag": True, "default": True}, {"METAFLOW_RUN_MY_P": "no"}, False),
    ({"is_flag": True, "default": True, "flag_value": True}, {"METAFLOW_RUN_MY_P": "f"}, False),
    ({"envvar": "OWN", "default": "d"}, {"OWN": ""}, "d"),
    ({"envvar": "OWN", "default": "d"}, {"OWN": "", "METAFLOW_RUN_MY_P": "x"}, "x"),
    ({"envvar": "OWN", "default": "d"}, {"OWN": "own", "METAFLOW_RUN_MY_P": "x"}, "own"),
    ({"envvar": ["A_1", "A_2"], "default": "d"}, {"A_2": ""}, ""),
    ({"envvar": ["A_1", "A_2"], "default": "d"}, {"A_2": "2", "METAFLOW_RUN_MY_P": "x"}, "2"),
    ({"default": "d"}, {"METAFLOW_RUN_MY_P": ""}, ""),
    ({"default": "d", "allow_from_autoenv": False}, {"METAFLOW_RUN_MY_P": "x"}, "d"),
    ({"type": bool, "default": False}, {"METAFLOW_RUN_MY_P": "T"}, True),
    ({"type": int, "default": 1}, {"METAFLOW_RUN_MY_P": " 1_000 "}, 1000),
]


@pytest.mark.parametrize(("keywords", "variables", "value"), CASES)
def test_variables_count_as_for_run(
    keywords: dict[str, Any], variables: dict[str, str], value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mftctl run` and `python flow.py temporal trigger` give the flow what `python flow.py run` gives it."""
    declared = Declared("my-p", **keywords)
    declared.init()
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    assert by_click(declared, "run", []) == value
    found = from_variables(SimpleNamespace(flow=Flow(declared)))
    from_command_line = triggered(declared)
    with monkeypatch.context() as within:  # a worker has none of them
        for name in variables:
            within.delenv(name)
        assert stored(declared, from_click(found), within) == value
        assert stored(declared, from_click(from_command_line), within) == value


def test_what_is_given_counts_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag that is given as a word stands for its value, whatever a variable says."""
    declared = Declared("p", is_flag=True, flag_value="UP")
    declared.init()
    monkeypatch.setenv("METAFLOW_RUN_P", "1")
    given = {**from_click(from_variables(SimpleNamespace(flow=Flow(declared)))), **parse_words(["p=true"])}
    assert stored(declared, given, monkeypatch) == "UP"


def test_a_parameter_that_click_would_ask_for_must_be_given() -> None:
    """Nobody can be asked in a task: `prompt` makes a parameter required, with a default or without."""
    declared = Declared("p", prompt=True, default="d")
    flow = Flow(declared)
    assert click_error(SimpleNamespace(flow=flow), parameters_of(flow), {}) is None
    with pytest.raises(MftctlError, match="needs parameter 'p'"):
        validate(manifest(*parameters_of(flow)), {})
