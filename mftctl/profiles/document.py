"""The configuration file as it is: read, and held against the keys there are; errors name the line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..model.errors import Exit, MftctlError
from .keys import KEYS, near

#: What stands at the head of the file.
_TOP = {"default_profile": str, "profiles": dict}


def read(file: Path) -> dict[str, Any]:
    """What is in the file: ``default_profile`` and ``profiles``, which are not looked into; {} when there is none."""
    content = parse(file)
    for key, value in content.items():
        wanted = _TOP.get(key)
        if wanted is None:
            raise _wrong(file, (key,), f"unknown key '{key}'", "profile.key", near(key, _TOP))
        if not isinstance(value, wanted):
            what = "the name of a profile" if wanted is str else "tables, such as [profiles.prod]"
            raise _wrong(file, (key,), f"{key} must be {what}", "profile.type")
    for name, value in content.get("profiles", {}).items():
        if not isinstance(value, dict):
            message = f"profiles.{name} must be a table, such as [profiles.{name}]"
            raise _wrong(file, ("profiles", name), message, "profile.type")
    return content


def parse(file: Path) -> dict[str, Any]:
    """The TOML of any file; {} when there is none, MftctlError with its line when it is no TOML."""
    if not (text := _text(file)):
        return {}
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        what, line = (found[1], found[2]) if found else (str(error), None)
        if line is None:  # where what never ends begins
            line = max(first for first, *_ in _statements(text))
        hint = "a text needs quotes around it, and a table's name brackets"
        raise MftctlError(
            f"{file}:{line}: {what}", exit=Exit.USAGE, code="profile.file", hint=hint
        ) from error


def check(file: Path, name: str, values: dict[str, Any]) -> None:
    """Hold a profile against the keys there are; MftctlError names the first that is wrong, and its line."""
    for key, value in values.items():
        known = KEYS.get(key)
        path = ("profiles", name, key)
        if known is None:
            message = f"profile '{name}' has an unknown key '{key}'"
            raise _wrong(file, path, message, "profile.key", near(key, KEYS))
        try:
            known.check(value)
        except ValueError as error:
            raise _wrong(file, path, f"profile '{name}': {error}", "profile.type") from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        if isinstance(error, PermissionError) and not os.path.exists(file):
            return ""  # in a home that is another user's: what is there is not for us
        message = f"{file}: {error.strerror}"
        raise MftctlError(
            message, exit=Exit.USAGE, code="profile.file", hint="MFTCTL_CONFIG names another"
        ) from error
    except UnicodeDecodeError as error:
        raise MftctlError(f"{file}: it is not UTF-8", exit=Exit.USAGE, code="profile.file") from error


def line_of(file: Path, path: tuple[str, ...]) -> int | None:
    """The line, from 1, on which a key or a table of the file begins; None when it has none."""
    try:
        return _lines(file.read_text(encoding="utf-8")).get(path)
    except (OSError, UnicodeDecodeError):
        return None


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Where each key and table begins."""
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
    """Each statement with its first line; tomllib does not tell lines, but each statement is a document of its own.

    One that never ends comes last, parsed as nothing.
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
            continue  # a value that goes on in the next line
        yield first, pending, parsed
        pending = ""
    if pending:
        yield first, pending, {}


def _paths(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Each key in nested tables, the outer before the inner."""
    paths = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            paths += _paths(inner, (*path, key))
    return paths


def _wrong(file: Path, path: tuple[str, ...], message: str, code: str, hint: str = "") -> MftctlError:
    line = line_of(file, path)
    where = str(file) if line is None else f"{file}:{line}"
    return MftctlError(f"{where}: {message}", exit=Exit.USAGE, code=code, hint=hint)
