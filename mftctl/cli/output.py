"""How results and errors reach whoever called: the only module that writes them.

stdout is data, stderr is talk. JSON carries ``schema_version`` and keys that stay (docs/cli.md).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..errors import Exit, MftctlError

SCHEMA_VERSION: Final = 1
Format = Literal["text", "json", "jsonl", "name"]
FORMATS: Final = ("text", "json", "jsonl", "name")


@dataclass(frozen=True)
class Result:
    """What a command has to say when it is done.

    ``data``: a JSON object, or a list of them; ``text``: the same for people; ``name``: the bare name or names;
    ``notes``: lines of talk; ``error``: how the thing that the command watched went wrong.
    """

    data: dict[str, Any] | list[dict[str, Any]] | None = None
    text: str = ""
    name: str | Sequence[str] = ""
    notes: tuple[str, ...] = ()
    error: MftctlError | None = None
    exit: int = Exit.OK


def chosen(argv: Sequence[str]) -> Format:
    """The format that the arguments ask for, known before they are parsed, so that parse errors have it too."""
    for index, word in enumerate(argv):
        if word == "--":
            break
        value = None
        if word in {"-o", "--format"} and index + 1 < len(argv):
            value = argv[index + 1]
        elif word.startswith("--format="):
            value = word.removeprefix("--format=")
        elif word.startswith("-o") and not word.startswith("--"):
            value = word[2:].removeprefix("=")
        for form in FORMATS:
            if value == form:
                return form  # type: ignore[return-value] # Format is FORMATS
    return "text"


def render(result: Result | None, form: Format) -> int:
    """Write a result and give its exit code."""
    if result is None:
        return Exit.OK
    sys.stdout.write(_body(result, form))
    sys.stdout.flush()
    if form == "text":
        for note in result.notes:
            say(note)
    if result.error is not None:
        return fail(result.error, form)
    return result.exit


def fail(error: MftctlError, form: Format) -> int:
    """Write an error and give its exit code."""
    if form in {"json", "jsonl"}:
        told = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": int(error.exit)}
        sys.stderr.write(json.dumps({"schema_version": SCHEMA_VERSION, "error": told}, ensure_ascii=False) + "\n")
    else:
        say(error.message)
        if error.hint:
            sys.stderr.write(f"hint: {error.hint}\n")
    sys.stderr.flush()
    return error.exit


def say(message: str) -> None:
    """One line of talk."""
    sys.stderr.write(f"mftctl: {message}\n")
    sys.stderr.flush()


def write(text: str) -> None:
    """Data that cannot wait for the end of the command."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _body(result: Result, form: Format) -> str:
    if form == "text":
        return result.text and result.text.rstrip("\n") + "\n"
    if form == "name":
        names = [result.name] if isinstance(result.name, str) else result.name
        return "".join(f"{name}\n" for name in names if name)
    if result.data is None:
        return ""
    if form == "jsonl":
        rows = result.data if isinstance(result.data, list) else [result.data]
        return "".join(_dump(_versioned(row)) + "\n" for row in rows)
    if isinstance(result.data, list):
        return _dump([_versioned(row) for row in result.data], indent=2) + "\n"
    return _dump(_versioned(result.data), indent=2) + "\n"


def _versioned(row: dict[str, Any]) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, **row}


def _dump(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False)
