"""Parameters given to `trigger` and `run` against those the flow declares."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from metaflow_extensions.temporal.plugins.temporal.parameter_keywords import as_run_params
from mftctl.control.runs.run_parameters import parse_words, resolve, validate
from mftctl.model.errors import Exit, MftctlError
from mftctl.model.parameter import Parameter

from ...manifests import manifest, not_called


def test_words_are_names_and_values() -> None:
    """The first = divides; a value may be empty and hold more of them."""
    assert parse_words(["a=1", "b=x=y", "learning-rate=0.1", "empty="]) == {
        "a": "1",
        "b": "x=y",
        "learning-rate": "0.1",
        "empty": "",
    }


@pytest.mark.parametrize("words", [["alpha"], ["=1"]])
def test_words_that_are_no_parameters_are_refused(words: list[str]) -> None:
    """A word without a name or without a value is a usage error."""
    with pytest.raises(MftctlError) as caught:
        parse_words(words)
    assert caught.value.exit == Exit.USAGE


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("int", "-7"),
        ("float", "1e-9"),
        ("bool", "True"),
        ("bool", "n"),
        ("str", ""),
        ("json", '{"a": [1]}'),
        ("file", '{"type": "uploader-v2"}'),
    ],
)
def test_a_value_of_the_type_is_taken(type_: str, value: str) -> None:
    """Each type takes what Metaflow's command line takes."""
    given = {"p": value}
    flow = manifest(Parameter("p", type_))
    validate(flow, given)
    assert resolve(flow, given, not_called) == given


@pytest.mark.parametrize(
    ("type_", "value"),
    [("int", "1.5"), ("float", "much"), ("bool", "maybe"), ("json", "{"), ("file", "/no/such/file")],
)
def test_a_value_of_another_type_is_refused(type_: str, value: str) -> None:
    """The error names the parameter, its type and the value."""
    with pytest.raises(MftctlError) as caught:
        validate(manifest(Parameter("alpha", type_)), {"alpha": value})
    error = caught.value
    assert error.exit == Exit.USAGE
    assert all(word in error.message for word in ("alpha", type_, value))
    assert "alpha=" in error.hint


def test_an_unknown_parameter_is_refused_with_the_nearest_name() -> None:
    """A slip of the pen is answered with what was meant; names are matched exactly, as Metaflow does."""
    with pytest.raises(MftctlError, match="no parameter 'Alpha'") as caught:
        validate(manifest(Parameter("alpha"), Parameter("beta")), {"Alpha": "1"})
    assert caught.value.hint == "did you mean alpha?"


def test_a_required_parameter_must_be_given() -> None:
    """The error names it and its type; a default evaluated at deploy does for it."""
    required = Parameter("alpha", "float", required=True, help="learning rate")
    with pytest.raises(MftctlError, match="'alpha' of type float") as caught:
        validate(manifest(required), {})
    assert caught.value.exit == Exit.USAGE
    validate(manifest(Parameter("alpha", required=True, default="1")), {})


def test_defaults_of_the_deploy_fill_in() -> None:
    """Only those that were evaluated at deploy: the others are in the code."""
    flow = manifest(Parameter("day", default="monday"), Parameter("other"))
    assert resolve(flow, {}, not_called) == {"day": "monday"}
    assert resolve(flow, {"day": "sunday"}, not_called) == {"day": "sunday"}


def test_a_path_is_uploaded(tmp_path: Any) -> None:
    """The value of a file parameter is the text that stands for the uploaded file."""
    file = tmp_path / "data.txt"
    file.write_text("x")
    flow = manifest(Parameter("data", "file"))
    validate(flow, {"data": str(file)})
    assert resolve(flow, {"data": str(file)}, lambda *given: f"stored {given[2]}") == {
        "data": f"stored {file}"
    }


def test_a_deployment_that_was_found_by_name_takes_values_of_clicks_types() -> None:
    """Its Deployer knows no more than that they come as text, and text is what the flow's own types take."""
    found = SimpleNamespace(special_parameters={"several": "several"})
    given = {
        "key": UUID(int=5),
        "day": datetime(2021, 2, 3),  # noqa: DTZ001 - as click gives it
        "n": 1,
        "j": {"a": [1]},
        "several": ("a", "b"),
        "no": None,
    }
    assert as_run_params(found, given) == {
        "key": "00000000-0000-0000-0000-000000000005",
        "day": "2021-02-03 00:00:00",
        "n": 1,
        "j": {"a": [1]},
        "run_params": ['several=["a", "b"]'],
    }
