"""Command lines that files for machines hold: whether mftctl takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mftctl.cli import app


def parse(arguments: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The name of the command and what it is given; CycloptsError for what it does not take."""
    words = list(arguments)
    command, bound, _ = app.build(words).parse_args(words, exit_on_error=False, print_error=False)
    return command.__name__, dict(bound.arguments)
