"""Values and log lines of a run in a form that is equal for two runs of the same flow.

Whatever names one particular run goes (ids, paths, addresses, frames of the machinery); all else stays. Standard
library only: dump.py uses this in the flow's interpreter.
"""

from __future__ import annotations

import enum
import hashlib
import re
import types
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST = 2_000
ADDRESS = re.compile(r"0x[0-9a-f]{6,16}")
FRAME = re.compile(r'^(?P<indent>\s*(?:>\s+)?)File "(?P<path>[^"]+)", line (?P<line>\d+), in (?P<name>\S+)')
LOG_HEADER = re.compile(r"\[!?\[?MFLOG\|0\|\d{4}-[^|\]]*\|[^|\]]*\|[^\]]*\]")
TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ ")
TRUNCATED = "[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]"
TRUNCATED_HEAD = 50


class Names:
    """Replaces a run's id and its tasks' pathspecs, wherever they occur in a text, by names that any run shares."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.keys: dict[tuple[str, str], str] = {}
        self._task = re.compile(re.escape(run_id) + r"/([a-z0-9_]+)/([A-Za-z0-9._-]+)")

    def add(self, step: str, task_id: str, key: str) -> None:
        """Let a task be known by its key."""
        self.keys[step, task_id] = key

    def __call__(self, text: str) -> str:
        """Give the text without names of its own run."""
        if self.run_id in text:
            text = self._task.sub(lambda m: "<run>/" + self.keys.get((m[1], m[2]), f"{m[1]}?"), text)
            text = text.replace(self.run_id, "<run>")
        return ADDRESS.sub("0x", text)


def canonical(value: Any, names: Names) -> Any:
    """Give a JSON value that is equal for equal values, and says the type where JSON would lose it."""
    if value is None or (isinstance(value, (bool, int)) and type(value) in (bool, int)):
        return value
    if type(value) is str:
        return _short(names(value))
    if type(value) is float:
        return {"float": repr(value)}
    if isinstance(value, (bytes, bytearray)):
        return {type(value).__name__: _short(bytes(value).hex())}
    if type(value) in (list, tuple):
        items = [canonical(item, names) for item in value]
        return items if type(value) is list else {"tuple": items}
    if isinstance(value, (set, frozenset)):
        return {type(value).__name__: sorted((canonical(item, names) for item in value), key=repr)}
    if type(value) is dict:
        if all(type(key) is str for key in value):
            return {"dict": {names(k): canonical(v, names) for k, v in value.items()}}
        return {"dict": [[canonical(k, names), canonical(v, names)] for k, v in value.items()]}
    return _object(value, names)


def _object(value: Any, names: Names) -> dict[str, Any]:
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(value, type):
        return {"class": f"{value.__module__}.{value.__qualname__}"}
    if kind.__name__ == "MetaflowExceptionWrapper":
        state = vars(value)
        return {
            "object": name,
            "type": state.get("type"),
            "message": first_line(state.get("exception"), names),
        }
    if isinstance(value, enum.Enum):
        return {"object": name, "args": [canonical(value.value, names)], "state": {}}
    if isinstance(value, BaseException):
        return {"object": name, "args": canonical(list(value.args), names)}
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        digest = hashlib.sha256(value.tobytes()).hexdigest()
        return {"object": name, "dtype": str(value.dtype), "shape": list(value.shape), "digest": digest}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {"object": name, "state": {k: canonical(v, names) for k, v in value._asdict().items()}}
    if isinstance(value, Mapping):
        return {
            "object": name,
            "items": [[canonical(k, names), canonical(v, names)] for k, v in value.items()],
        }
    state = getattr(value, "__dict__", None)
    if isinstance(state, dict) and not isinstance(value, types.ModuleType):
        plain = {k: canonical(v, names) for k, v in sorted(state.items()) if k != "__pickled_args__"}
        return {
            "object": name,
            "args": canonical(list(state.get("__pickled_args__", ())), names),
            "state": plain,
        }
    return {"object": name, "repr": _short(names(repr(value)))}


def first_line(text: object, names: Names) -> str:
    """Give a message without the lines that follow its first, which hold stacks and paths."""
    return names(str(text)).split("\n", 1)[0]


def _short(text: str) -> Any:
    if len(text) <= LONGEST:
        return text
    return {"length": len(text), "digest": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()}


class StandInType(type):
    """The type of classes that stand in for those of a flow's own file; an attribute is a member of an enum."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls(name)


def stand_in(name: str) -> type:
    """Make a class in whose place a pickle of `__main__.<name>` can be loaded without running the flow's file."""

    def new(cls: type, *args: Any, **_: Any) -> Any:
        made: Any = object.__new__(cls)
        if args:
            made.__dict__["__pickled_args__"] = args
        return made

    def hashed(self: Any) -> int:
        return hash(repr(sorted(self.__dict__)))

    body = {
        "__new__": new,
        "__init__": lambda self, *a, **k: None,
        "__hash__": hashed,
        "__module__": "__main__",
    }
    return StandInType(name, (), body)


def clean_log(lines: Iterable[str], names: Names, own_files: frozenset[str]) -> list[Any]:
    """Give the lines as any run prints them: no frames of others, no log headers, no times, no long lines."""
    cleaned: list[Any] = []
    skipped_indent: int | None = None
    for raw in lines:
        line = TIME.sub("<time> ", LOG_HEADER.sub("", raw).rstrip("\n"))
        indent = len(line) - len(line.lstrip(" >"))
        frame = FRAME.match(line)
        if frame is None:
            if skipped_indent is not None and indent > skipped_indent:
                continue
            skipped_indent = None
            cleaned.append(_short(names(line)))
            continue
        file = frame["path"].rsplit("/", 1)[-1]
        skipped_indent = None if file in own_files else indent
        if skipped_indent is None:
            cleaned.append(f'{frame["indent"]}File "{file}", line {frame["line"]}, in {frame["name"]}')
    if TRUNCATED in cleaned:
        return [*cleaned[:TRUNCATED_HEAD], "...", *cleaned[cleaned.index(TRUNCATED) :]]
    return cleaned
