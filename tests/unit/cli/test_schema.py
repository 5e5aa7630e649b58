"""JSON schemas are made from the types that commands return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from mftctl.cli import schema
from mftctl.console.output import Time, optional, to_json


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part."""

    size: float
    kind: Literal["big", "small"]


@dataclass(frozen=True, kw_only=True)
class Whole(Part):
    """A whole of parts."""

    parts: tuple[Part, ...]
    """All of them."""
    made: Time | None
    flags: dict[str, bool]
    note: str | None = optional()


def test_a_dataclass_is_an_object_whose_docstrings_are_the_descriptions() -> None:
    """Fields of the class that it extends come first; an optional one is not required, and never null."""
    part = {
        "size": {"type": "number"},
        "kind": {"type": "string", "enum": ["big", "small"]},
    }
    assert schema.schema_of(Whole) == {
        "type": "object",
        "description": "A whole of parts.",
        "properties": {
            **part,
            "parts": {
                "type": "array",
                "items": {
                    "type": "object",
                    "description": "A part.",
                    "properties": part,
                    "required": ["size", "kind"],
                },
                "description": "All of them.",
            },
            "made": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            "flags": {"type": "object", "additionalProperties": {"type": "boolean"}},
            "note": {"type": "string"},
        },
        "required": ["size", "kind", "parts", "made", "flags"],
    }


def test_the_json_of_a_dataclass_has_a_key_for_each_field() -> None:
    """An optional field without a value has none."""
    part = Part(size=1.5, kind="big")
    whole = Whole(size=2, kind="small", parts=(part,), made=None, flags={"on": True})
    assert to_json(whole) == {
        "size": 2,
        "kind": "small",
        "parts": [{"size": 1.5, "kind": "big"}],
        "made": None,
        "flags": {"on": True},
    }


@pytest.mark.parametrize("name", schema.names())
def test_every_object_of_a_result_carries_the_schema_version(name: str) -> None:
    """In a list each item does, as each is a line of its own with `-o jsonl`."""
    found = schema.get(name)
    assert found is not None
    objects = found.get("anyOf", [found])
    for shape in (one.get("items", one) for one in objects):
        assert shape["properties"]["schema_version"] == {"type": "integer", "const": 1}
        assert shape["required"][0] == "schema_version"
