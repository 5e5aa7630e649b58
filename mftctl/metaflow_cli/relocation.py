"""Moves options of Metaflow that were given after `temporal`, or in a profile, to where Metaflow reads them.

Metaflow needs the branch of a @project, the datastore and the like before any subcommand runs, because decorators,
Configs and deploy-time values depend on them. So the command line is reordered, and the process starts again with it.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from ..model.errors import UsageError

#: Whether an option takes a value.
_TAKES_VALUE = {"--branch": True, "--production": False}


def ordered(
    top: Sequence[str],
    after: Sequence[str],
    given: Mapping[str, str | bool],
    settings: Mapping[str, str | bool | list[str]],
) -> list[str] | None:
    """The arguments of the flow's command line in Metaflow's order, or None if they are in order.

    ``top`` are the arguments before `temporal`, ``after`` those from there on. ``given`` are options found after it;
    one that contradicts ``top`` is a usage error. ``settings`` are those of a profile: options take precedence, but
    lists are added to them.
    """
    added: list[str] = []
    for name, value in given.items():
        before = _value(top, name)
        if before is None:
            added += _words(name, value)
        elif before != value:
            raise UsageError(f"{name} is given twice: {before} and {value}", hint="give it once")
    for name, setting in settings.items():
        if isinstance(setting, list):
            added += [word for one in setting if not _has(top, name, one) for word in _words(name, one)]
        elif _value(top, name) is None and name not in given:
            added += _words(name, setting)
    if not added and not given:
        return None
    return [*top, *added, *_without(after, given)]


def start_again(words: Sequence[str]) -> NoReturn:
    """Replace this process by one with the same command and other arguments."""
    script = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.execv(sys.executable, [sys.executable, *script, *words])  # noqa: S606 - this program itself


def _value(words: Sequence[str], name: str) -> str | bool | None:
    found: str | bool | None = None
    for index, word in enumerate(words):
        if word == name:
            found = words[index + 1] if _TAKES_VALUE.get(name, True) and index + 1 < len(words) else True
        elif word.startswith(name + "="):
            found = word[len(name) + 1 :]
    return found


def _has(words: Sequence[str], name: str, value: str) -> bool:
    """Whether a repeatable option is given with this value."""
    return f"{name}={value}" in words or (name, value) in itertools.pairwise(words)


def _words(name: str, value: str | bool) -> list[str]:
    return [name] if value is True else [f"{name}={value}"]


def _without(words: Sequence[str], given: Mapping[str, str | bool]) -> list[str]:
    left: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in given:
            skip = _TAKES_VALUE[word]
        elif word.partition("=")[0] not in given:
            left.append(word)
    return left
