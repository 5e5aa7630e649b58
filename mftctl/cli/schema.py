"""`mftctl schema`: JSON schemas of what commands write with `-o json`, made from the types that the commands return.

A schema is named as its command, with dots: `runs.resume`. `-o jsonl` writes the items of a list one a line, each as
the schema's `items`. `event` is the schema of the lines that `run` and `trigger --wait` write with `-o jsonl` before
their result, `error` that of the object on stderr, `log` that of a line of `worker --log-format json`. Descriptions are
the docstrings of the types and of their fields.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from docstring_parser import parse_from_object

from .. import results
from ..console.log_lines import LogLine
from ..console.output import SCHEMA_VERSION, Error, Result, Time, write
from ..model.errors import NotFoundError
from ..profiles.keys import suggest
from .app import COMMANDS

Schema = dict[str, Any]

_SIMPLE: Final[dict[Any, Schema]] = {
    Any: {},
    NoneType: {"type": "null"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Time: {"type": "string", "format": "date-time"},
}
_PROMISE = "Keys may be added under the same schema_version; none changes its meaning."


@dataclass(frozen=True, kw_only=True)
class Event:
    """A line of `run -o jsonl`: each kind of event has keys of its own."""

    event: str


_OTHERS: Final[dict[str, Any]] = {"error": Error, "event": Event, "log": LogLine}


def schema(name: str | None = None, /) -> Result[None]:
    """Print the JSON schema of a command's output; without a name, list the names.

    Parameters
    ----------
    name
        The command with dots, such as runs.list; or error, event (a line of `run -o jsonl`), log (of a worker).
    """
    if name is None:
        write("".join(f"{one}\n" for one in names()))
        return Result()
    found = get(name.replace(" ", "."))
    if found is None:
        raise NotFoundError(
            f"there is no schema '{name}'",
            code="schema.unknown",
            hint=suggest(name, names()) or "`mftctl schema` lists them",
        )
    write(json.dumps(found, indent=2) + "\n")
    return Result()


def names() -> list[str]:
    """The names of all schemas."""
    commands = [name.replace(" ", ".") for name in COMMANDS]
    return sorted([*(name for name in commands if _returned(name) is not None), *_OTHERS])


def get(name: str) -> Schema | None:
    """The schema of that name, or None."""
    returned = _returned(name)
    if returned is None:
        return None
    shape = _whole(_type_of(returned))
    described = [shape.get("description"), _PROMISE]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name if name in _OTHERS else f"mftctl {name.replace('.', ' ')} -o json",
        **shape,
        "description": " ".join(filter(None, described)),
    } | ({"additionalProperties": True} if name == "event" else {})


def _returned(name: str) -> Any:
    """What a command returns, of its annotation ``Result["module.Type"]``: None where it writes no JSON."""
    if name in _OTHERS:
        return _OTHERS[name]
    command = COMMANDS.get(name.replace(".", " "))
    if command is None:
        return None
    module, _, function = command[0].partition(":")
    found = getattr(import_module(f"mftctl.cli.{module}"), function)
    return found.__annotations__["return"].__metadata__[0]


def _type_of(returned: Any) -> Any:
    modules = {
        one.name: import_module(f"{results.__name__}.{one.name}") for one in iter_modules(results.__path__)
    }
    return get_type_hints(SimpleNamespace(__annotations__={"": returned}), modules)[""]


def _whole(hint: Any) -> Schema:
    """The schema of a result: each object of it has the version first."""
    shape = schema_of(hint)
    if "items" in shape:
        return {**shape, "items": _whole(get_args(hint)[0])}
    if "anyOf" in shape:
        return {"anyOf": [_whole(one) for one in get_args(hint)]}
    version = {"type": "integer", "const": SCHEMA_VERSION}
    return {
        **shape,
        "properties": {"schema_version": version, **shape["properties"]},
        "required": ["schema_version", *shape["required"]],
    }


def schema_of(hint: Any) -> Schema:
    """The JSON schema of values of a type: a dataclass, a list, a dict by name, a union, a Literal or a simple one."""
    if hint in _SIMPLE:
        return dict(_SIMPLE[hint])
    if is_dataclass(hint):
        return _object(hint)
    origin, of = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"type": "string", "enum": list(of)}
    if origin in {Union, UnionType}:
        return {"anyOf": [schema_of(one) for one in of]}
    if issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(of[1])}
    assert issubclass(origin, Sequence), hint
    return {"type": "array", "items": schema_of(of[0])}


def _object(type_: Any) -> Schema:
    hints, described = get_type_hints(type_), _field_docstrings(type_)
    properties, required = {}, []
    for one in fields(type_):
        hint = hints[one.name]
        if one.metadata.get("optional"):
            some = tuple(part for part in get_args(hint) if part is not NoneType)
            hint = Union[some] if some else hint  # noqa: UP007 - made here
        else:
            required.append(one.name)
        properties[one.name] = schema_of(hint)
        if one.name in described:
            properties[one.name]["description"] = described[one.name]
    about = {"description": " ".join((type_.__doc__ or "").split())}
    return {"type": "object", **about, "properties": properties, "required": required}


@cache
def _field_docstrings(type_: Any) -> dict[str, str]:
    """What the docstrings below the fields of a dataclass, and of those that it extends, say."""
    found = {}
    for base in reversed(type_.__mro__):
        if is_dataclass(base):
            for one in parse_from_object(base).params:
                found[one.arg_name] = " ".join((one.description or "").split())
    return found
