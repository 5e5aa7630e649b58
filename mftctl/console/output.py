"""Write results and errors: the only module that does.

Data goes to stdout, messages to stderr. What a command returns is a frozen dataclass of keyword fields: its JSON, the
JSON schema (`mftctl schema`) and the text for people are made from that type. JSON carries ``schema_version``, and its
keys stay (docs/reference/cli.md).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, Literal, NewType

from ..model.errors import Exit, MftctlError

SCHEMA_VERSION: Final = 1
#: The form of a worker's log (console/log_lines.py).
LogFormat = Literal["text", "json"]
#: How serious a message is.
Level = Literal["info", "warning", "error"]
Format = Literal["text", "json", "jsonl", "name"]
FORMATS: Final[tuple[Format, ...]] = ("text", "json", "jsonl", "name")


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    # The commands inside Metaflow's (metaflow_cli) return plain dicts: `Result` alone.
    T = TypeVar("T", default=Any)
else:
    from typing import TypeVar

    T = TypeVar("T")
#: A point in time as ISO 8601 text with its zone.
Time = NewType("Time", str)


def optional() -> Any:
    """A field whose key is left out of the JSON where its value is None."""
    return field(default=None, metadata={"optional": True})


@dataclass(frozen=True)
class Result(Generic[T]):
    """The outcome of a command.

    ``data``: a dataclass, or a list of them, of which the JSON is made; ``text``: the same for people; ``name``: the
    bare name or names; ``notes``: messages for stderr; ``error``: why what the command watched has failed, with the
    last lines of its ``log``.

    A command's return annotation, ``Result["module.Type"]``, is where its JSON schema comes from. The type is named by
    a string: types of results are slow to make, and `--help` needs none.
    """

    data: T | None = None
    text: str = ""
    name: str | Sequence[str] = ""
    notes: tuple[str, ...] = ()
    error: MftctlError | None = None
    log: tuple[str, ...] = ()
    exit: int = Exit.OK

    if not TYPE_CHECKING:  # the name stays a string when the annotations of a command are read

        def __class_getitem__(cls, data: Any) -> Any:
            return Annotated[cls, data]


@dataclass(frozen=True, kw_only=True)
class ErrorBody:
    """What failed."""

    code: str
    """The kind of error, such as run.unknown: stays the same when the message changes."""
    message: str
    hint: str
    """What to do about it; may be empty."""
    exit_code: int
    log: tuple[str, ...] | None = optional()
    """The last lines of the log of what failed."""


@dataclass(frozen=True, kw_only=True)
class Error:
    """The object on stderr when a command fails."""

    error: ErrorBody


def to_json(value: Any) -> Any:
    """The JSON value of a result: of a dataclass an object with a key for each field."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            one.name: to_json(getattr(value, one.name))
            for one in fields(value)
            if not (one.metadata.get("optional") and getattr(value, one.name) is None)
        }
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return value


def begin(argv: Sequence[str]) -> None:
    """Take the format from the arguments before they are parsed, so that parse errors have it, too."""
    global _format, _quiet  # noqa: PLW0603 - a process writes in one way
    _format = chosen(argv)
    options = argv[: argv.index("--")] if "--" in argv else argv
    short = [found["flags"] for word in options if (found := _SHORT.fullmatch(word))]
    _quiet = "--quiet" in options or any("q" in flags for flags in short)


def chosen(argv: Sequence[str]) -> Format:
    """The format that the arguments ask for."""
    for index, word in enumerate(argv):
        if word == "--":
            break
        value = None
        if word == "--format" and index + 1 < len(argv):
            value = argv[index + 1]
        elif word.startswith("--format="):
            value = word.removeprefix("--format=")
        elif found := _SHORT.fullmatch(word):
            value = found["format"] or (
                argv[index + 1] if found["option"] and index + 1 < len(argv) else None
            )
        if value in FORMATS:
            return value
    return "text"


def render(result: Result[Any] | None) -> int:
    """Write a result; its exit code."""
    if result is None:
        return Exit.OK
    write(_body(result))
    for note in result.notes if _format == "text" else ():
        say(note)
    if result.error is not None:
        return fail(result.error, result.log)
    return result.exit


def fail(error: MftctlError, log: Sequence[str] = ()) -> int:
    """Write an error, in text with the last lines of its log; its exit code."""
    if _errors is not None:
        _message(_errors(error))
    elif _is_json():
        body = ErrorBody(
            code=error.code,
            message=error.message,
            hint=_with_server(error.hint),
            exit_code=int(error.exit),
            log=tuple(error.log) or None,
        )
        _message(_dump(_versioned(Error(error=body))) + "\n")
    else:
        text = f"mftctl: {_readable(error.message)}\n" + "".join(f"    {line}\n" for line in log or error.log)
        _message(text + (f"hint: {_readable(_with_server(error.hint))}\n" if error.hint else ""))
    return error.exit


def say(message: str, level: Level = "info", **about: Any) -> None:
    """Write a message, but not with --quiet or JSON: there stderr holds one error object or nothing.

    ``level`` and ``about``, what the message concerns, are for messages of another form (``messages_as``).
    """
    if _messages is not None:
        _message(_messages(level, message, **about))
    elif not _quiet and not _is_json():
        _message(f"mftctl: {_readable(_with_server(message))}\n")


def name_server(words: Sequence[str]) -> None:
    """Add these words, by which the server was named, to each command of mftctl in hints and messages from now on."""
    global _server  # noqa: PLW0603 - a process has one server
    _server = shlex.join(words)


def printable(text: str) -> str:
    """Text of somebody else for one cell of a line: a terminal obeys control characters."""
    return _readable(text.replace("\n", " ").replace("\t", " "))


def draws() -> bool:
    """Whether the result is text for people, who may be shown how it comes about."""
    return _format == "text" and not _quiet


def reader_gone() -> bool:
    """Whether nobody reads stdout any more."""
    return _reader_gone


def messages_as(messages: Callable[..., str], errors: Callable[[MftctlError], str]) -> None:
    """Write messages and errors from now on as these make them: of level, message and what it concerns; of an error."""
    global _messages, _errors
    _messages, _errors = messages, errors


def has_plain_messages() -> bool:
    """Whether messages are plain text."""
    return _messages is None


def write(text: str) -> None:
    """Write data to stdout. A closed pipe is no error; a full disk is."""
    global _reader_gone  # noqa: PLW0603 - a process has one stdout
    if not text:  # nothing: a stream that failed before is not tried again
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _reader_gone = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise MftctlError(f"cannot write the output: {error.strerror}", code="output") from error


def event(data: dict[str, Any]) -> None:
    """Write an event of a command in progress, with jsonl alone: a line for programs."""
    if _format == "jsonl":
        write(_dump(_versioned(data)) + "\n")


#: A word of short options, as `-o json`, `-ojson` or `-qo=json`.
_SHORT = re.compile(r"-(?P<flags>[qy]*)(?P<option>o=?(?P<format>.*))?")
#: A command of mftctl that asks a server.
_COMMAND = re.compile(
    r"\bmftctl (?:(?:runs|deployments|schedule|events|queues|workers) [a-z]+"
    r"|profile check|(?:trigger|deploy|worker|doctor)\b)"
)
#: Control characters, but for newlines and tabs.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_format: Format = "text"
_quiet = False
_server = ""
_reader_gone = False
_messages: Callable[..., str] | None = None
_errors: Callable[[MftctlError], str] | None = None


def _with_server(text: str) -> str:
    if not _server or _server in text:
        return text
    return _COMMAND.sub(lambda found: f"{found[0]} {_server}", text)


def _readable(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _is_json() -> bool:
    return _format in {"json", "jsonl"}


def _message(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _body(result: Result[Any]) -> str:
    if _format == "text":
        return result.text and result.text.rstrip("\n") + "\n"
    if _format == "name":
        names = [result.name] if isinstance(result.name, str) else result.name
        return "".join(f"{name}\n" for name in names if name)
    if result.data is None:
        return ""
    if _format == "jsonl":
        rows = result.data if isinstance(result.data, (list, tuple)) else [result.data]
        return "".join(_dump(_versioned(row)) + "\n" for row in rows)
    if isinstance(result.data, (list, tuple)):
        return _dump([_versioned(row) for row in result.data], indent=2) + "\n"
    return _dump(_versioned(result.data), indent=2) + "\n"


def _versioned(row: Any) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, **to_json(row)}


def _dump(value: Any, indent: int | None = None) -> str:
    # What the locale cannot encode would be written as an escape that is not JSON's.
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    return json.dumps(value, indent=indent, ensure_ascii=encoding != "utf8")
