"""Parameters of a run: ``name=value`` words, checked against what the flow declares."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...model.errors import MftctlError, UsageError
from ...model.manifest import Manifest
from ...model.parameter import Parameter, values_of

#: What Metaflow's command line accepts as a bool.
_BOOLS = dict.fromkeys(("true", "t", "1", "yes", "y"), True) | dict.fromkeys(
    ("false", "f", "0", "no", "n"), False
)
_PARSERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "bool": lambda value: _BOOLS[value.lower()],
    "json": json.loads,
}
TYPE_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "json": "a JSON value",
    "file": "the path of a file",
    "str": "text",
}

#: Saves the file of an IncludeFile parameter in the flow's datastore; returns the text that refers to it.
Upload = Callable[[Manifest, Parameter, str], str]


class RepeatedValue(str):
    """A JSON list of the values of a parameter that was given several times."""

    __slots__ = ()


class ClickValue(str):
    """A value that click has parsed: of a flag the value itself, not whether it was given."""

    __slots__ = ()


def parse_words(given_words: Iterable[str], *, once: bool = False) -> dict[str, str]:
    """The values of ``name=value`` words. ``once``: refuse a repeated name here, not in ``validate``."""
    given: dict[str, list[str]] = {}
    for word in given_words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise _usage(f"'{word}' is not a parameter", "write parameters as name=value")
        if once and name in given:
            raise _usage(f"parameter '{name}' is given twice", "give it once")
        given.setdefault(name, []).append(value)
    return {
        name: values[0] if len(values) == 1 else RepeatedValue(json.dumps(values))
        for name, values in given.items()
    }


def from_click(given: Mapping[str, str]) -> dict[str, str]:
    """Values that click has parsed, from the flow's own command line or from environment variables."""
    return {name: ClickValue(value) for name, value in given.items()}


def validate(manifest: Manifest, given: Mapping[str, str], refused: str | None = None) -> None:
    """Check that a run can start with these values; MftctlError with exit code 2 names the wrong parameter.

    ``refused``: click's error about values that only the flow's code can check, if it has checked them.
    """
    known = {parameter.name: parameter for parameter in manifest.parameters}
    for name in given:
        if name not in known:
            raise _unknown(manifest, name, list(known))
    for parameter in manifest.parameters:
        if parameter.name in given:
            _check_value(parameter, given[parameter.name])
        elif parameter.must_be_given:
            about = f" ({parameter.help})" if parameter.help else ""
            raise _usage(
                f"{manifest.flow} needs parameter '{parameter.name}' of type {parameter.type}{about}",
                f"give it as {parameter.name}=VALUE",
            )
    if refused is not None:
        raise _usage(refused.replace("'--", "'"), "give another value as name=VALUE")


def resolve(manifest: Manifest, given: Mapping[str, str], upload: Upload) -> dict[str, str]:
    """The values that a run starts with: those given, files uploaded, and defaults evaluated at deploy time."""
    values = {}
    for parameter in manifest.parameters:
        if parameter.name in given:
            value = given[parameter.name]
            is_path = parameter.type == "file" and not value.startswith(("{", '"{'))
            values[parameter.name] = (
                upload(manifest, parameter, value) if is_path else _resolved(parameter, value)
            )
        elif parameter.default is not None:
            values[parameter.name] = parameter.default
    return values


def _resolved(parameter: Parameter, value: str) -> str:
    if parameter.several:
        return json.dumps(values_of(parameter, value))
    bare = parameter.bare
    if bare is None or value == bare:
        return value
    is_bool = bare in ("true", "false")
    if isinstance(value, ClickValue) and not is_bool:
        return value
    given = json.dumps(_BOOLS[value.lower()])
    if is_bool:
        return given
    return bare if given == "true" else ""


def _check_value(parameter: Parameter, value: str) -> None:
    if parameter.several:
        _check_words(parameter, values_of(parameter, value))
    elif isinstance(value, RepeatedValue):
        raise _usage(f"parameter '{parameter.name}' is given twice", "give it once")
    else:
        _check_word(parameter, value)


def _check_words(parameter: Parameter, found: list[Any]) -> None:
    groups = found if parameter.spelling == "multiple" else [found]
    for group in groups:
        one = group if isinstance(group, list) else [group]
        if parameter.nargs > 0 and len(one) != parameter.nargs:
            message = (
                f"parameter '{parameter.name}' takes {parameter.nargs} values, and {len(one)} were given"
            )
            once = "=VALUE, once for each" if parameter.spelling == "nargs" else """='["A", "B"]'"""
            raise _usage(message, f"give it as {parameter.name}{once}")
        for word in one:
            _check_word(parameter, word)


def _check_word(parameter: Parameter, value: str) -> None:
    fold = str.casefold if parameter.any_case else str
    if parameter.choices and fold(value) not in map(fold, parameter.choices):
        message = f"parameter '{parameter.name}' cannot be '{value}'"
        raise _usage(message, "choose one of: " + ", ".join(parameter.choices))
    if parameter.spelling == "count" and not value.isdecimal():
        raise _usage(
            f"parameter '{parameter.name}' is a count, and '{value}' is no number", "give a whole number"
        )
    if parameter.bare is not None:
        _check_flag(parameter, value)
        return
    if parameter.type == "file":
        _check_file(parameter, value)
        return
    try:
        _PARSERS.get(parameter.type, str)(value)
    except (KeyError, ValueError) as error:
        wanted = TYPE_NAMES[parameter.type]
        message = f"parameter '{parameter.name}' is of type {parameter.type}, and '{value}' is not {wanted}"
        raise _usage(message, f"give it as {parameter.name}=VALUE with {wanted}") from error
    _check_range(parameter, value)


def _check_flag(parameter: Parameter, value: str) -> None:
    if isinstance(value, ClickValue) and parameter.bare not in ("true", "false"):
        return  # an environment variable may hold any text
    if value != parameter.bare and value.lower() not in _BOOLS:
        message = f"parameter '{parameter.name}' is a flag, and '{value}' is not {TYPE_NAMES['bool']}"
        raise _usage(message, f"give it as {parameter.name}=true")


def _check_range(parameter: Parameter, value: str) -> None:
    """Check the bounds of a number."""
    low, high = parameter.least, parameter.most
    if (low is not None and float(value) < low) or (high is not None and float(value) > high):
        bounds = [f"at least {low:g}"] * (low is not None) + [f"at most {high:g}"] * (high is not None)
        raise _usage(f"parameter '{parameter.name}' cannot be {value}", "give " + " and ".join(bounds))


def _check_file(parameter: Parameter, value: str) -> None:
    path = os.path.expanduser(value)
    uploaded = value.startswith(("{", '"{'))  # the text that refers to a file
    if not uploaded and not (os.path.isfile(path) and os.access(path, os.R_OK)):
        message = f"parameter '{parameter.name}' is of type file, and {value} cannot be read"
        raise _usage(message, f"give it as {parameter.name}=PATH with {TYPE_NAMES['file']}")


def _unknown(manifest: Manifest, name: str, known: list[str]) -> MftctlError:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        hint = f"did you mean {near[0]}?"
    elif known:
        hint = "it has: " + ", ".join(known)
    else:
        hint = "it has no parameters"
    return _usage(f"{manifest.flow} has no parameter '{name}'", hint)


def _usage(message: str, hint: str) -> MftctlError:
    return UsageError(message, code="parameter.invalid", hint=hint)
