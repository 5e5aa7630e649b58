"""Reads the pages of docs/ that a reader follows at a terminal: files to save, edits, commands and what they print.

A block of `python` that begins with `# NAME` is a file, one of `diff` that begins with `--- NAME` an edit of it. One of
`console` has commands after `$ `, each followed by what it prints; one with the comment `# keeps running` does not end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What differs from run to run, and the word that stands for it.
DIFFERENT = (
    (r"temporal-(\w+flow)-(?:[a-z0-9]{10}|[\d-]+T\d+Z)\b", r"temporal-\1-ID"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)?", "TIME"),
    (r"\b\d+(?:\.\d+)?(?:ms|s)\b", "SECONDS"),
    (r"\b[0-9a-f]{12}\b", "VERSION"),
    (r"\b127\.0\.0\.1:\d+", "SERVER"),
)


@dataclass(frozen=True)
class SavedFile:
    """A file that the reader saves, and its text."""

    name: str
    text: str


@dataclass(frozen=True)
class Edit:
    """A change to a file: lines to find, and those to put in their place."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Command:
    """A command, and the lines that the page shows of its output."""

    where: str
    words: str
    keeps_running: bool
    shown: tuple[str, ...]

    def missing(self, output: str) -> list[str]:
        """Lines that the page shows and the output lacks; ids, times and spaces are not compared."""
        lines = [_settled(line) for line in output.splitlines()]
        return [
            line for line in self.shown if not any(re.fullmatch(_pattern(line), other) for other in lines)
        ]


def read(page: Path) -> Iterator[SavedFile | Edit | Command]:
    """What a reader of the page does, in order."""
    text = page.read_text("utf-8")
    for block in FENCED.finditer(text):
        kind, body = block.groups()
        first, _, rest = body.partition("\n")
        if kind == "python" and re.fullmatch(r"# \S+\.py", first):
            yield SavedFile(first.removeprefix("# "), body)
        elif kind == "diff":
            yield Edit(first.removeprefix("--- "), _side(rest, "-"), _side(rest, "+"))
        elif kind == "console":
            line = text.count("\n", 0, block.start()) + 1
            yield from _commands(body, f"{page.name}:{line}")


def _commands(body: str, where: str) -> Iterator[Command]:
    assert body.startswith("$ "), f"{where} does not begin with a command"
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        first, *shown = part.rstrip("\n").split("\n")
        words, _, comment = first.partition("  #")
        lines = tuple(line for line in shown if line.strip() not in {"", "…"})
        yield Command(f"{where}: {words.strip()}", words.strip(), "keeps running" in comment, lines)


def _side(change: str, sign: str) -> str:
    lines = change.splitlines(keepends=True)
    return "".join(line[1:] if line[0] in {" ", sign} else line for line in lines if line[0] in f" {sign}\n")


def _pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in _settled(line).split("…"))


def _settled(line: str) -> str:
    for pattern, word in DIFFERENT:
        line = re.sub(pattern, word, line)
    return " ".join(line.split())
