"""The commands with their arguments and options as data, for completion and the reference."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import get_args

from cyclopts import App

from .app import COMMANDS, build
from .examples import examples

_VALUES = {"str": "TEXT", "int": "NUMBER", "Path": "FILE"}


@dataclass(frozen=True)
class Option:
    """An option: its ``names``, the longest last; ``value`` is what it takes, empty for a switch.

    ``words``: how many values follow; ``choices``: the ones that there are.
    """

    names: tuple[str, ...]
    value: str
    words: int
    choices: tuple[str, ...]
    help: str
    group: str
    required: bool = False


@dataclass(frozen=True)
class Argument:
    """An argument without a name of its own on the command line."""

    name: str
    help: str
    required: bool
    many: bool


@dataclass(frozen=True)
class Command:
    """A command: how it is called, what a list says of it, and what its page begins with."""

    words: tuple[str, ...]
    line: str
    about: str
    arguments: tuple[Argument, ...]
    options: tuple[Option, ...]
    examples: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Its words with blanks."""
        return " ".join(self.words)

    @property
    def usage(self) -> str:
        """How it is called, in a line."""
        required = [f"{one.names[-1]} {one.value}" for one in self.options if one.required]
        arguments = [
            (one.name if one.required else f"[{one.name}]") + ("…" if one.many else "")
            for one in self.arguments
        ]
        return " ".join(("mftctl", *self.words, *required, "[OPTIONS]", *arguments))


def commands(*, with_help: bool = True) -> list[Command]:
    """All commands, in the order of `mftctl --help`; the help of their options takes half of the time."""
    app = build()
    return [_command(app, tuple(name.split()), line, with_help) for name, (_, line) in COMMANDS.items()]


def _command(app: App, words: tuple[str, ...], line: str, with_help: bool) -> Command:
    for word in words:
        app = app[word]
    assert app.default_command is not None
    about = inspect.cleandoc(app.default_command.__doc__ or "").split("\nParameters\n---")[0].strip()
    arguments, options = [], []
    for one in app.assemble_argument_collection(parse_docstring=with_help):
        if one.names == ("*",):
            continue
        text = " ".join((one.parameter.help or "").split())
        if one.index is not None:
            many = one.token_count()[1]
            arguments.append(Argument(one.names[0].strip("-").upper(), text, one.required, many))
            continue
        switch = one.hint is bool or bool in get_args(one.hint)
        choices = tuple(map(str, one.get_choices(force=True) or ()))
        named = one.parameter.group
        group = next(iter(named), None) if isinstance(named, tuple) else named
        options.append(
            Option(
                names=tuple(sorted(one.names, key=lambda name: (len(name), name))),
                value="" if switch else _value(str(one.hint), choices),
                words=0 if switch else one.token_count()[0],
                choices=choices,
                help=text,
                group=getattr(group, "name", str(group or "Options")).replace("Parameters", "Options"),
                required=one.required,
            )
        )
    return Command(words, line, about, tuple(arguments), tuple(options), tuple(examples(" ".join(words))))


def _value(hint: str, choices: tuple[str, ...]) -> str:
    if choices:
        return "|".join(choices)
    if "tuple[str, str]" in hint:
        return "NAME VALUE"
    found = re.search(r"\b(Path|int|str)\b", hint)
    return _VALUES[found.group()] if found else "VALUE"
