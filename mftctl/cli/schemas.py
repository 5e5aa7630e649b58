"""JSON schema of `deploy`, which does not return a typed result yet (see `schema`)."""

from __future__ import annotations

from typing import Any, Final

from .output import SCHEMA_VERSION

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
WHOLE: Final[Schema] = {"type": "integer"}
NUMBER: Final[Schema] = {"type": "number"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
ANY: Final[Schema] = {}


def get(name: str) -> Schema:
    """The schema of that name."""
    told = _SCHEMAS[name]
    version = {"type": "integer", "const": SCHEMA_VERSION}
    return {
        **told,
        "properties": {"schema_version": version, **told["properties"]},
        "required": ["schema_version", *told["required"]],
    }


def rows(**properties: Schema) -> Schema:
    """An object that has all of these keys."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def maybe(base: Schema, **properties: Schema) -> Schema:
    """An object that may have these keys besides."""
    return {**base, "properties": {**base["properties"], **properties}}


def null(schema: Schema) -> Schema:
    """That, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    """A list of that."""
    return {"type": "array", "items": schema}


def one_of(*words: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(words)}


_SCHEDULE = rows(
    cron=TEXT,
    timezone=null(TEXT),
    overlap=one_of("skip", "buffer-one", "cancel-other", "allow-all"),
    catchup_window=NUMBER,
    pause_on_failure=FLAG,
)
_TRIGGER = rows(name=TEXT, type=one_of("event", "run"), parameters=many(many(TEXT)))
_CHANGE = maybe(rows(what=TEXT, kind=TEXT), name=TEXT, before=ANY, after=ANY)

_SCHEMAS: Final[dict[str, Schema]] = {
    "deploy": rows(
        deployment=TEXT,
        version=TEXT,
        flow=TEXT,
        task_queue=TEXT,
        schedule=null(_SCHEDULE),
        next_runs=many(TIME),
        triggers=many(_TRIGGER),
        changes=many(_CHANGE),
        previous_version=null(TEXT),
        production_token=null(TEXT),
        package=maybe(
            rows(
                files=WHOLE, metaflow_files=WHOLE, size=WHOLE, missing=many(TEXT), missing_modules=many(TEXT)
            ),
            list=many(TEXT),
        ),
    ),
}
