"""A flow's parameter, and the words that its value becomes on a command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from .codec import from_json, to_json

#: A spelling that begins so is a flag's; the value that the bare option stands for comes next.
FLAG = "flag:"


@dataclass(frozen=True)
class Parameter:
    """A flow's parameter as a command that starts a run needs to know it.

    ``type`` is one of int, float, bool, str, json, file. ``default`` is the text of a default that was evaluated at
    deploy (a function); other defaults stay in the code.

    ``spelling``: how the command line has it, where that is not ``--name value``: ``multiple`` and ``nargs`` (the value
    is a JSON list of words), ``count``, or ``flag:X`` (the bare option stands for X). ``nargs``: words that one option
    takes. ``choices`` (``any_case``: upper and lower case are the same), ``least`` and ``most`` limit each word.
    """

    name: str
    type: str = "str"
    required: bool = False
    default: Optional[str] = None
    help: str = ""
    is_text: bool = True
    encoding: str = "utf-8"
    spelling: str = ""
    nargs: int = 1
    choices: tuple[str, ...] = ()
    any_case: bool = False
    least: Optional[float] = None
    most: Optional[float] = None

    @property
    def several(self) -> bool:
        """Whether its value is a JSON list of words."""
        return self.spelling in ("multiple", "nargs")

    @property
    def bare(self) -> Optional[str]:
        """The value that the bare option of a flag stands for."""
        return bare_of(self.spelling)

    @property
    def must_be_given(self) -> bool:
        """Whether no run can start without a value for it."""
        return self.required and self.default is None


def bare_of(spelling: str) -> Optional[str]:
    """The value that the bare option stands for; None where the parameter is no flag."""
    return spelling[len(FLAG) :] if spelling.startswith(FLAG) else None


def words(name: str, value: str, spelling: str) -> list[str]:
    """The words of the command line that give a parameter its value; ValueError for a count that is no number."""
    option = f"--{name}"
    if spelling == "multiple":
        # With nargs, each value of the list is a list itself.
        return [
            word for one in _values(value) for word in (option, *(one if isinstance(one, list) else [one]))
        ]
    if spelling == "nargs":
        return [option, *_values(value)]
    if spelling == "count":
        return [option] * int(value)
    bare = bare_of(spelling)
    if bare is not None:
        return [option] if value == bare else []
    return [option, value]


def values_of(parameter: Parameter, value: str) -> list[Any]:
    """The single values in a JSON list that was given for a parameter that takes several.

    Where each value has several words itself, a plain list of words is one value.
    """
    found = _values(value)
    if (
        parameter.spelling != "multiple"
        or parameter.nargs <= 1
        or any(isinstance(one, list) for one in found)
    ):
        return found
    each = [_values(one) for one in found]
    return each if all(one != [text] for one, text in zip(each, found)) else [found]


def _values(value: str) -> list[Any]:
    """The items of a JSON list; any other text is one item."""
    try:
        found = from_json(value)
    except ValueError:
        return [value]
    if not isinstance(found, list):
        return [value]
    return [[_text(word) for word in one] if isinstance(one, list) else _text(one) for one in found]


def _text(word: Any) -> str:
    return word if isinstance(word, str) else to_json(word)
