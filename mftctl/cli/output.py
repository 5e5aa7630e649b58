"""How results and errors reach whoever called: the only module that writes them.

stdout is data, stderr is talk. JSON carries ``schema_version`` and keys that stay (docs/reference/cli.md).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..model.errors import Exit, MftctlError

SCHEMA_VERSION: Final = 1
Format = Literal["text", "json", "jsonl", "name"]
FORMATS: Final[tuple[Format, ...]] = ("text", "json", "jsonl", "name")


@dataclass(frozen=True)
class Result:
    """What a command has to say when it is done.

    ``data``: a JSON object, or a list of them; ``text``: the same for people; ``name``: the bare name or names;
    ``notes``: lines of talk; ``error``: how the thing that the command watched went wrong, with its last lines of
    ``log``.
    """

    data: dict[str, Any] | list[dict[str, Any]] | None = None
    text: str = ""
    name: str | Sequence[str] = ""
    notes: tuple[str, ...] = ()
    error: MftctlError | None = None
    log: tuple[str, ...] = ()
    exit: int = Exit.OK


def begin(argv: Sequence[str]) -> None:
    """Take the format that the arguments ask for, before they are parsed, so that parse errors have it too."""
    global _format, _quiet  # noqa: PLW0603 - a process writes in one way
    _format = chosen(argv)
    options = argv[: argv.index("--")] if "--" in argv else argv
    _quiet = not {"--quiet", "-q"}.isdisjoint(options)


def chosen(argv: Sequence[str]) -> Format:
    """The format that the arguments ask for."""
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
                return form
    return "text"


def render(result: Result | None) -> int:
    """Write a result and give its exit code."""
    if result is None:
        return Exit.OK
    write(_body(result))
    for note in result.notes if _format == "text" else ():
        say(note)
    if result.error is not None:
        return fail(result.error, result.log)
    return result.exit


def fail(error: MftctlError, log: Sequence[str] = ()) -> int:
    """Write an error, in text with the log lines that tell more, and give its exit code."""
    if _is_json():
        about = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "exit_code": int(error.exit),
            **({"log": list(error.log)} if error.log else {}),
        }
        _talk(_dump(_versioned({"error": about})) + "\n")
    else:
        told = f"mftctl: {error.message}\n" + "".join(f"    {line}\n" for line in log or error.log)
        _talk(told + (f"hint: {error.hint}\n" if error.hint else ""))
    return error.exit


def say(message: str) -> None:
    """One line of talk; with --quiet and in JSON modes none: there stderr holds the one error object or nothing."""
    if not _quiet and not _is_json():
        _talk(f"mftctl: {message}\n")


def write(text: str) -> None:
    """Data on stdout. Nobody reading it on is no error; a full disk is."""
    if not text:  # what could not be written before (the terminal is gone) is not tried again
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise MftctlError(f"the output cannot be written: {error.strerror}", code="output") from error


def event(data: dict[str, Any]) -> None:
    """Something that happened while a command goes on, for programs: a line of its own, in jsonl alone."""
    if _format == "jsonl":
        write(_dump(_versioned(data)) + "\n")


_format: Format = "text"
_quiet = False


def _is_json() -> bool:
    return _format in {"json", "jsonl"}


def _talk(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _body(result: Result) -> str:
    if _format == "text":
        return result.text and result.text.rstrip("\n") + "\n"
    if _format == "name":
        names = [result.name] if isinstance(result.name, str) else result.name
        return "".join(f"{name}\n" for name in names if name)
    if result.data is None:
        return ""
    if _format == "jsonl":
        rows = result.data if isinstance(result.data, list) else [result.data]
        return "".join(_dump(_versioned(row)) + "\n" for row in rows)
    if isinstance(result.data, list):
        return _dump([_versioned(row) for row in result.data], indent=2) + "\n"
    return _dump(_versioned(result.data), indent=2) + "\n"


def _versioned(row: dict[str, Any]) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, **row}


def _dump(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False)
