"""Describe a JSON schema as a Markdown table: each key of an object, its type and its description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def table(schema: Schema) -> list[str]:
    """The lines of a section: what the output is, and a table of its keys.

    Keys of an object within an object are joined by a dot; `[]` marks those of the objects of a list.
    """
    forms = [form for form in schema.get("anyOf", [schema]) if form.get("type") != "null"]
    objects = next(form for form in forms if "properties" in form or "items" in form)
    listed = [form for form in forms if "items" in form]
    what = "A list of objects" if listed else "An object"
    if listed and len(forms) > 1:
        what = "An object, or a list of objects"
    keys = list(_keys(objects.get("items", objects)))
    columns = 3 if any(about for _, _, about in keys) else 2
    head, *rows = (f"| {' | '.join(row[:columns])} |" for row in [("key", "type", "description"), *keys])
    return [f"{what} with these keys:", "", head, "|" + "---|" * columns, *rows]


def _keys(schema: Schema, above: str = "") -> Iterator[tuple[str, str, str]]:
    required = schema.get("required", ())
    for name, value in schema.get("properties", {}).items():
        absent = "" if name in required else "; may be absent"
        about = value.get("description", "").replace("|", "\\|")
        yield f"`{above}{name}`", _kind(value) + absent, about
        for form in value.get("anyOf", [value]):
            if "properties" in form:
                yield from _keys(form, f"{above}{name}.")
            elif "properties" in form.get("items", {}):
                yield from _keys(form["items"], f"{above}{name}[].")


def _kind(schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(form) for form in schema["anyOf"])
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = str(schema.get("type", "any value"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_kind(schema['additionalProperties'])}"
    return "time (ISO 8601)" if schema.get("format") == "date-time" else kind
