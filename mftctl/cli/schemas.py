"""JSON schemas of the commands that do not return typed results yet, by hand (see `schema`)."""

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
STATUSES: Final = (
    "running",
    "paused",
    "stuck",
    "completed",
    "failed",
    "cancelled",
    "terminated",
    "timed_out",
)


def get(name: str) -> Schema:
    """The schema of that name."""
    told = _SCHEMAS[name]
    version = {"type": "integer", "const": SCHEMA_VERSION}
    one = {
        **told,
        "properties": {"schema_version": version, **told["properties"]},
        "required": ["schema_version", *told["required"]],
    }
    shape = {"type": "array", "items": one} if name in _LISTS else one
    if name in _SEVERAL:
        shape = {"anyOf": [one, {"type": "array", "items": one}]}
    return shape


def rows(**properties: Schema) -> Schema:
    """An object that has all of these keys."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def maybe(base: Schema, **properties: Schema) -> Schema:
    """An object that may have these keys besides."""
    return {**base, "properties": {**base["properties"], **properties}}


def plus(base: Schema, **properties: Schema) -> Schema:
    """An object that has these keys besides."""
    return {**maybe(base, **properties), "required": [*base["required"], *properties]}


def null(schema: Schema) -> Schema:
    """That, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    """A list of that."""
    return {"type": "array", "items": schema}


def one_of(*words: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(words)}


def by_name(schema: Schema) -> Schema:
    """An object with names of the user's, each with that."""
    return {"type": "object", "additionalProperties": schema}


_FAILURE = rows(message=TEXT, step=null(TEXT), task=null(TEXT), attempt=null(WHOLE), log=many(TEXT))
_SCHEDULE = rows(
    cron=TEXT,
    timezone=null(TEXT),
    overlap=one_of("skip", "buffer-one", "cancel-other", "allow-all"),
    catchup_window=NUMBER,
    pause_on_failure=FLAG,
)
_TRIGGER = rows(name=TEXT, type=one_of("event", "run"), parameters=many(many(TEXT)))
_CHANGE = maybe(rows(what=TEXT, kind=TEXT), name=TEXT, before=ANY, after=ANY)
_RUN = maybe(rows(run_id=TEXT, flow=TEXT, version=TEXT, status=one_of(*STATUSES)), failure=_FAILURE)
_STATE = rows(run_id=TEXT, status=one_of(*STATUSES, "cancelling"))
_STOPPED = maybe(
    rows(run_id=TEXT), status=one_of(*STATUSES, "cancelling"), error=rows(code=TEXT, message=TEXT)
)
_LISTED = rows(
    run_id=TEXT,
    flow=TEXT,
    deployment=TEXT,
    version=TEXT,
    owner=TEXT,
    status=one_of(*STATUSES),
    started=TIME,
    ended=null(TIME),
    seconds=NUMBER,
    tasks=null(rows(done=WHOLE, known=WHOLE)),
    failed_step=null(TEXT),
    problem=null(TEXT),
    tags=many(TEXT),
)
_STEP = rows(
    step=TEXT,
    type=TEXT,
    next=many(TEXT),
    state=one_of("none", "waiting", "running", "done", "failed", "cancelled"),
    known=WHOLE,
    done=WHOLE,
    running=WHOLE,
    failed=WHOLE,
    cancelled=WHOLE,
    kept=WHOLE,
    retries=WHOLE,
    began=null(TIME),
    ended=null(TIME),
    seconds=null(NUMBER),
)
_PENDING = rows(
    step=TEXT,
    task=TEXT,
    label=TEXT,
    state=one_of("waiting", "running", "retrying"),
    attempt=WHOLE,
    since=null(TIME),
    next_attempt=null(TIME),
    message=null(TEXT),
    worker=null(TEXT),
)
_RAN = rows(
    name=TEXT,
    task=null(TEXT),
    label=TEXT,
    state=TEXT,
    began=null(TIME),
    seconds=null(NUMBER),
    message=null(TEXT),
)

_SCHEMAS: Final[dict[str, Schema]] = {
    "run": _RUN,
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
    "trigger": maybe(plus(_RUN, deployment=TEXT), worker=FLAG),
    "runs.resume": maybe(
        plus(_STATE, flow=TEXT, deployment=TEXT), version=TEXT, worker=FLAG, failure=_FAILURE
    ),
    "runs.pause": _STATE,
    "runs.unpause": _STATE,
    "runs.cancel": _STOPPED,
    "runs.terminate": _STOPPED,
    "runs.list": _LISTED,
    "runs.describe": plus(
        _LISTED,
        pathspec=TEXT,
        parameters=by_name(TEXT),
        origin=null(TEXT),
        resumed=WHOLE,
        task_queue=TEXT,
        worker=null(FLAG),
        steps=many(_STEP),
        failure=null(_FAILURE),
        pending=many(_PENDING),
        compensations=many(_RAN),
        hooks=many(_RAN),
        links=rows(temporal=null(TEXT), client=TEXT),
    ),
    "runs.watch": plus(_RUN, deployment=TEXT),
    "runs.logs": rows(time=TIME, step=TEXT, task=TEXT, attempt=null(WHOLE), stream=TEXT, text=TEXT),
    "runs.artifacts": rows(
        name=TEXT, type=TEXT, text=null(TEXT), size=null(WHOLE), value=ANY, problem=null(TEXT)
    ),
    "runs.report": rows(run_id=TEXT, file=TEXT),
}
_LISTS: Final = frozenset(
    {
        "runs.list",
        "runs.logs",
        "runs.artifacts",
    }
)
#: Of these, what is done to several things at once is a list.
_SEVERAL: Final = frozenset({"runs.cancel", "runs.terminate"})
