"""Parameters of a run: what was given as ``name=value``, held against what the flow declares."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterable, Mapping

from ..errors import Exit, MftctlError
from ..manifest import Manifest, Parameter

#: What Metaflow's command line takes for a bool.
_BOOLS = dict.fromkeys(("true", "t", "1", "yes", "y"), True) | dict.fromkeys(
    ("false", "f", "0", "no", "n"), False
)
WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "json": "a JSON value",
    "file": "the path of a file",
    "str": "text",
}

#: Saves the file of an IncludeFile parameter in the flow's datastore, and gives the text that stands for it.
Upload = Callable[[Manifest, Parameter, str], str]


def split(words: Iterable[str]) -> dict[str, str]:
    """The values of ``name=value`` words."""
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise _usage(f"'{word}' is no parameter", "write parameters as name=value")
        if name in given:
            raise _usage(f"parameter '{name}' is given twice", "give it once")
        given[name] = value
    return given


def check(manifest: Manifest, given: Mapping[str, str]) -> None:
    """Whether a run can start with these values; MftctlError with exit code 2 names the parameter that is wrong."""
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


def settle(manifest: Manifest, given: Mapping[str, str], upload: Upload) -> dict[str, str]:
    """The values a run starts with: those given, files uploaded, and defaults that were evaluated at deploy."""
    values = {}
    for parameter in manifest.parameters:
        if parameter.name in given:
            value = given[parameter.name]
            is_path = parameter.type == "file" and not value.startswith(("{", '"{'))
            values[parameter.name] = upload(manifest, parameter, value) if is_path else value
        elif parameter.default is not None:
            values[parameter.name] = parameter.default
    return values


def _check_value(parameter: Parameter, value: str) -> None:
    if parameter.type == "file":
        _check_file(parameter, value)
        return
    try:
        if parameter.type == "int":
            int(value)
        elif parameter.type == "float":
            float(value)
        elif parameter.type == "json":
            json.loads(value)
        elif parameter.type == "bool":
            _BOOLS[value.lower()]
    except (KeyError, ValueError) as error:
        wanted = WANTED[parameter.type]
        message = f"parameter '{parameter.name}' is of type {parameter.type}, and '{value}' is not {wanted}"
        raise _usage(message, f"give it as {parameter.name}=VALUE with {wanted}") from error


def _check_file(parameter: Parameter, value: str) -> None:
    if value.startswith(("{", '"{')):  # already uploaded: the text that stands for a file
        return
    path = os.path.expanduser(value)
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        message = f"parameter '{parameter.name}' is of type file, and {value} cannot be read"
        raise _usage(message, f"give it as {parameter.name}=PATH with {WANTED['file']}")


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
    return MftctlError(message, exit=Exit.USAGE, code="parameter.invalid", hint=hint)
