"""Reads the configuration file and validates it against the known keys; errors name the line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..model.errors import MftctlError, UsageError
from .keys import KEYS, suggest

#: Keys at the top of the file, and their types.
_TOP = {"default_profile": str, "profiles": dict}


def read(file: Path) -> dict[str, Any]:
    """The content of the file, with profiles that are not validated; {} if there is no file."""
    content = parse(file)
    for key, value in content.items():
        wanted = _TOP.get(key)
        if wanted is None:
            raise invalid(file, (key,), f"unknown key '{key}'", "profile.key", suggest(key, _TOP))
        if not isinstance(value, wanted):
            what = "the name of a profile" if wanted is str else "tables, such as [profiles.prod]"
            raise invalid(file, (key,), f"{key} must be {what}", "profile.type")
    for name, value in content.get("profiles", {}).items():
        if not isinstance(value, dict):
            message = f"profiles.{name} must be a table, such as [profiles.{name}]"
            raise invalid(file, ("profiles", name), message, "profile.type")
    return content


def parse(file: Path) -> dict[str, Any]:
    """The content of any TOML file; {} if there is none. MftctlError names the line of a syntax error."""
    if not (text := _text(file)):
        return {}
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        what, line = (found[1], found[2]) if found else (str(error), None)
        if line is None:  # a statement that does not end: the line where it begins
            line = max(first for first, *_ in _statements(text))
        hint = "put texts in quotes, and names of tables in brackets"
        raise UsageError(f"{file}:{line}: {what}", code="profile.file", hint=hint) from error


def validate(file: Path, name: str, values: dict[str, Any]) -> None:
    """Validate a profile; MftctlError names the first invalid key and its line."""
    for key, value in values.items():
        known = KEYS.get(key)
        path = ("profiles", name, key)
        if known is None:
            message = f"profile '{name}' has an unknown key '{key}'"
            raise invalid(file, path, message, "profile.key", suggest(key, KEYS))
        try:
            known.validate(value)
        except ValueError as error:
            raise invalid(file, path, f"profile '{name}': {error}", "profile.type") from error


def line_of(file: Path, path: tuple[str, ...]) -> int | None:
    """The line, from 1, of a key or a table of the file; None if it is not found."""
    try:
        return _lines(file.read_text(encoding="utf-8")).get(path)
    except (OSError, UnicodeDecodeError):
        return None


def invalid(file: Path, path: tuple[str, ...], message: str, code: str, hint: str = "") -> MftctlError:
    """The error of a key or a table of the file, with its line."""
    line = line_of(file, path)
    where = str(file) if line is None else f"{file}:{line}"
    return UsageError(f"{where}: {message}", code=code, hint=hint)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        if isinstance(error, PermissionError) and not os.path.exists(file):
            return ""  # in the home of another user
        message = f"{file}: {error.strerror}"
        raise UsageError(message, code="profile.file", hint="MFTCTL_CONFIG names another") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: the file is not UTF-8", code="profile.file") from error


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of each key and table."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for line, statement, parsed in _statements(text):
        paths = _paths(parsed)
        if not paths:
            continue
        is_header = statement.lstrip().startswith("[")
        table = () if is_header else table
        for path in paths:
            found.setdefault((*table, *path), line)
        table = paths[-1] if is_header else table
    return found


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The first line, the text and the value of each statement.

    tomllib knows no lines, but each statement alone is valid TOML. A statement that does not end is the last one, with
    no value.
    """
    import tomllib

    pending, first = "", 1
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not pending:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            first = number
        pending += line
        try:
            parsed = tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue  # the value continues in the next line
        yield first, pending, parsed
        pending = ""
    if pending:
        yield first, pending, {}


def _paths(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all keys in nested tables, outer tables first."""
    paths = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            paths += _paths(inner, (*path, key))
    return paths
