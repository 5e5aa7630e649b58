"""Converts frozen dataclasses to JSON values and back; fields that equal their default are left out.

A field's key is its name, or the ``key`` of its metadata where that is a contract and the name has changed.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from typing import Any, Callable, TypeVar

T = TypeVar("T")
Self = TypeVar("Self", bound="Serializable")
#: `Optional[X]` and, where Python has it, `X | None`.
_UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))
#: JSON values to text in one line, and back. A flow may replace the functions of `json`, but not these.
to_json: Callable[[Any], str] = json.JSONEncoder().encode
from_json: Callable[[str], Any] = json.JSONDecoder().decode


def to_plain(value: Any) -> Any:
    """The JSON values of a dataclass, or of a container of dataclasses."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            _key(field): to_plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if not _is_default(field, getattr(value, field.name))
        }
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return value


def from_plain(cls: type[T], plain: Any) -> T:
    """The dataclass ``cls`` from the values of ``to_plain``. Unknown keys, of newer versions, are ignored."""
    fields = _fields(typing.cast(Any, cls))
    known = ((*fields[key], item) for key, item in plain.items() if key in fields)
    return cls(**{name: _convert(hint, item) for name, hint, item in known})


class Serializable:
    """Base of a dataclass that is sent to other processes as JSON."""

    def to_plain(self) -> dict[str, Any]:
        """JSON values."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_plain(cls: type[Self], plain: dict[str, Any]) -> Self:  # noqa: PYI019 - typing has Self from 3.11 on
        """The instance that ``to_plain`` gave."""
        return from_plain(cls, plain)


@functools.cache
def _fields(cls: Any) -> dict[str, tuple[str, Any]]:
    """Name and type of each field, by its key."""
    hints = typing.get_type_hints(cls)
    return {_key(field): (field.name, hints[field.name]) for field in dataclasses.fields(cls)}


def _key(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata.get("key", field.name))


def _convert(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if dataclasses.is_dataclass(hint):
        return from_plain(typing.cast(type, hint), value)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return _convert(next(arg for arg in args if arg is not type(None)), value)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_convert(args[0], item) for item in value)
        return tuple(_convert(arg, item) for arg, item in zip(args, value))
    if origin is dict:
        return {key: _convert(args[1], item) for key, item in value.items()}
    return value


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    if field.default is not dataclasses.MISSING:
        return bool(value == field.default and type(value) is type(field.default))
    if field.default_factory is not dataclasses.MISSING:
        return bool(value == field.default_factory())
    return False
