"""Parameters with click's options: their words on the command line, and what is refused before a run starts."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metaflow import Config, JSONType
from metaflow import Parameter as Declared
from metaflow._vendor import click

from mftctl.control.runs.run_parameters import parse_words, resolve, validate
from mftctl.interpreter.inside.compile import declared_parameters
from mftctl.interpreter.inside.compile.compile_error import CompileError
from mftctl.interpreter.inside.compile.declared_parameters import parameters_of
from mftctl.interpreter.inside.compile.parameter_values import click_error
from mftctl.model.errors import Exit, MftctlError
from mftctl.model.manifest import Manifest
from mftctl.model.parameter import words

from ...manifests import MANIFEST, Flow, manifest, not_called

WORD = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


def compiled(*declared: Any) -> Manifest:
    return manifest(*parameters_of(Flow(*declared)))


def seen(declared: Any, *given_words: str) -> Any:
    """What click makes of the words that stand for these ``name=value``."""
    flow = compiled(declared)
    values = parse_words(given_words)
    validate(flow, values)
    settled = resolve(flow, values, not_called)
    line = [
        part
        for one in flow.parameters
        if one.name in settled
        for part in words(one.name, settled[one.name], one.spelling)
    ]
    option = click.Option(["--" + declared.name], **declared.option_kwargs(False))
    return click.Command("c", params=[option]).make_context("c", line).params[option.name]


@given(st.lists(WORD.filter(lambda word: not word.startswith("[")), max_size=4))
def test_repeated_words_reach_a_multiple_parameter_as_they_are(found: list[str]) -> None:
    """Any text is one word each, in order."""
    assert seen(
        Declared("p", type=str, multiple=True, default=()), *(f"p={word}" for word in found)
    ) == tuple(found)


@pytest.mark.parametrize(
    ("keywords", "given_words", "value"),
    [
        ({"type": int, "nargs": 2}, ["p=1", "p=2"], (1, 2)),
        ({"type": int, "nargs": 2, "default": (3, 4)}, [], (3, 4)),
        ({"type": int, "multiple": True, "default": ()}, ["p=[1, 2]"], (1, 2)),
        (
            {"type": int, "nargs": 2, "multiple": True, "default": ()},
            ["p=[[1, 2], [3, 4]]"],
            ((1, 2), (3, 4)),
        ),
        ({"type": (str, int), "multiple": True}, ['p=["a", 2]'], (("a", 2),)),
        ({"type": (str, int), "multiple": True}, ['p=["a", 2]', 'p=["b", 3]'], (("a", 2), ("b", 3))),
        ({"count": True, "required": True}, [], 0),
        ({"is_flag": True, "default": False}, ["p=true"], True),
        ({"is_flag": True, "default": False}, ["p=no"], False),
        ({"is_flag": True, "default": False}, [], False),
        ({"is_flag": True, "default": True}, ["p=false"], False),
        ({"is_flag": True, "default": True}, ["p=yes"], True),
        ({"count": True, "default": 0}, ["p=3"], 3),
        ({"is_flag": True, "flag_value": "UP"}, ["p=true"], "UP"),
        ({"type": click.Choice(["Red"], case_sensitive=False)}, ["p=rED"], "Red"),
        ({"type": click.Choice(["Straße"], case_sensitive=False)}, ["p=STRASSE"], "Straße"),
        ({"type": click.Choice(["low", "high"]), "default": "low"}, ["p=high"], "high"),
        ({"type": click.IntRange(1, 5), "default": 1}, ["p=5"], 5),
        ({"type": click.IntRange(1, 5, clamp=True), "default": 1}, ["p=9"], 5),
    ],
)
def test_a_flow_sees_what_run_gives(keywords: dict[str, Any], given_words: list[str], value: Any) -> None:
    """Lists, flags and counts are spelled as click wants them."""
    assert seen(Declared("p", **keywords), *given_words) == value


@pytest.mark.parametrize(
    ("keywords", "given_words"),
    [
        ({"type": click.Choice(["low", "high"])}, ["p=nope"]),
        ({"type": click.Choice(["Low", "high"], case_sensitive=False)}, ["p=nope"]),
        ({"type": click.FloatRange(0, 1)}, ["p=1.1"]),
        ({"type": click.IntRange(1, 5)}, ["p=6"]),
        ({"type": click.IntRange(1, 5)}, ["p=x"]),
        ({"type": int, "multiple": True}, ["p=1", "p=x"]),
        ({"type": int, "nargs": 2}, ["p=1"]),
        ({"type": int, "nargs": 2, "multiple": True}, ["p=1", "p=2", "p=3"]),
        ({"type": int, "nargs": 2, "multiple": True}, ["p=[1, 2, 3]"]),
        ({"is_flag": True, "default": False}, ["p=maybe"]),
        ({"count": True}, ["p=many"]),
        ({"type": str}, ["p=a", "p=b"]),
    ],
)
def test_a_wrong_word_is_refused_before_anything_starts(
    keywords: dict[str, Any], given_words: list[str]
) -> None:
    """Exit code 2 and the parameter's name."""
    with pytest.raises(MftctlError, match="'p'") as raised:
        validate(compiled(Declared("p", **keywords)), parse_words(given_words))
    assert raised.value.exit == Exit.USAGE


class Even(click.ParamType):
    """A type of a flow's own."""

    name = "even"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        if int(value) % 2:
            self.fail(f"{value} is odd", param, ctx)
        return int(value)


def low(ctx: Any, param: Any, value: int) -> int:
    """A callback of a flow's own."""
    if value > 9:
        raise click.BadParameter("too high", ctx, param)
    return value


@pytest.mark.parametrize(
    ("keywords", "word", "said"),
    [
        ({"type": click.Path(exists=True)}, "p=/no/such/place", "Path '/no/such/place' does not exist."),
        ({"type": click.DateTime()}, "p=soon", "invalid datetime format: soon."),
        ({"type": Even()}, "p=3", "3 is odd"),
        ({"type": Even(), "multiple": True}, 'p=["2", "5"]', "5 is odd"),
        ({"type": Even(), "multiple": True, "nargs": 2}, 'p=["2", "5"]', "5 is odd"),
        ({"type": Even(), "multiple": True, "nargs": 2}, 'p=["2", "4"]', None),
        ({"type": int, "callback": low}, "p=10", "too high"),
        ({"type": Even(), "default": 2}, "other=1", None),
        ({"type": click.Path(exists=True), "default": "/no/such/default"}, "other=1", "does not exist."),
        ({"type": click.Path(exists=True)}, "p=/", None),
        ({"type": int, "count": True}, "p=many", None),
        ({"type": str, "multiple": True}, "p=a", None),
    ],
)
def test_run_asks_the_flows_own_types_before_anything_starts(
    keywords: dict[str, Any], word: str, said: str | None
) -> None:
    """`mftctl run` refuses what `python flow.py run` refuses, in click's words and with exit code 2."""
    flow = Flow(Declared("p", **keywords), Declared("other", default=0))
    declared = parameters_of(flow)
    refused = click_error(SimpleNamespace(flow=flow), declared, parse_words([word]))
    if said is None:
        assert refused is None
        return
    assert refused is not None
    with pytest.raises(MftctlError, match=f"'p'.*{re.escape(said)}") as raised:
        validate(manifest(*declared), {"other": "1"}, refused)
    assert raised.value.exit == Exit.USAGE


def test_run_asks_for_values_of_variables_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """METAFLOW_RUN_<PARAMETER> is refused as a value that is given."""
    flow = Flow(Declared("p", type=Even(), default=2))
    monkeypatch.setenv("METAFLOW_RUN_P", "7")
    assert "7 is odd" in str(click_error(SimpleNamespace(flow=flow), parameters_of(flow), {}))
    assert click_error(SimpleNamespace(flow=flow), parameters_of(flow), {"p": "4"}) is None


def test_a_keyword_that_click_refuses_is_refused_at_compile() -> None:
    """One line names the parameter."""
    with pytest.raises(CompileError, match="Metaflow rejects Parameter 'p'"):
        compiled(Declared("p", no_such_keyword=True))


@pytest.mark.parametrize(
    ("keywords", "default"),
    [
        ({"type": int}, "abc"),
        ({"type": bool}, "maybe"),
        ({"type": int, "nargs": 2}, (1, "x")),
        ({"type": click.Choice(["a"])}, "b"),
        ({"type": click.IntRange(1, 5)}, 9),
        ({"type": click.DateTime()}, "yesterday"),
    ],
)
def test_a_default_of_another_type_is_refused_at_compile(keywords: dict[str, Any], default: Any) -> None:
    """As `run` refuses it before anything starts."""
    with pytest.raises(CompileError, match=r"default.*'p'") as raised:
        compiled(Declared("p", **keywords, default=default))
    assert raised.value.exit == Exit.USAGE


@pytest.mark.parametrize(
    ("keywords", "default"),
    [
        ({"type": int}, "7"),
        ({"type": float}, 1),
        ({"type": click.Path(exists=True)}, "/only/on/workers"),
        ({"type": JSONType}, '{"a": 1}'),
        ({"type": JSONType}, {"a": 1}),
        ({"type": str, "multiple": True}, ("a",)),
        ({"is_flag": True, "flag_value": "UP"}, "down"),
        ({"type": click.IntRange(1, 5, clamp=True)}, 9),
    ],
)
def test_a_default_that_click_converts_is_taken(keywords: dict[str, Any], default: Any) -> None:
    """As `run` takes it."""
    compiled(Declared("p", **keywords, default=default))


def test_a_manifest_with_options_of_click_is_not_for_older_workers() -> None:
    """They would give the flow a list as one word; any other stays readable to them."""
    plain = MANIFEST.to_plain()
    with_click = replace(
        MANIFEST, launch=replace(MANIFEST.launch, spellings={"codes": "multiple"})
    ).to_plain()
    assert (plain["schema_version"], with_click["schema_version"]) == (1, 2)
    assert Manifest.from_plain(with_click).launch.spellings == {"codes": "multiple"}


def test_the_default_of_a_parameter_that_is_given_is_not_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by `run`: the function may need what is not here, and its value would be thrown away."""
    asked: list[object] = []
    monkeypatch.setattr(declared_parameters, "_evaluated", lambda default, **_: asked.append(default))
    flow = Flow(Declared("day", default=len), Declared("night", default=max))
    assert [one.name for one in parameters_of(flow, {"day"})] == ["day", "night"]
    assert len(asked) == 1
    parameters_of(flow)
    assert len(asked) == 3


def test_a_config_and_a_parameter_may_have_one_name() -> None:
    """Metaflow compares names of Configs, and those of parameters; two parameters may not differ by case alone."""
    assert [one.name for one in parameters_of(Flow(Config("alpha"), Declared("alpha", default=1)))] == [
        "alpha"
    ]
    with pytest.raises(CompileError, match="declared twice"):
        parameters_of(Flow(Declared("alpha", default=1), Declared("Alpha", default=1)))
