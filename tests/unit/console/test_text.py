"""Durations and sizes are read and written as people write them."""

from __future__ import annotations

import pytest

from mftctl.console.text import format_duration, format_size, parse_duration
from mftctl.model.errors import Exit, MftctlError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        (" 90s ", 90),
        ("1.5", 1.5),
        ("15m", 900),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1d", 86400),
        ("250ms", 0.25),
        (7, 7),
    ],
)
def test_a_duration_is_read(text: str | float, seconds: float) -> None:
    """A plain number is seconds; units may follow one another."""
    assert parse_duration(text, "--timeout") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "3x", "h", "1h30", "-5", "0", "nan", "inf", "1e400", "2 hours"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """The error names the option and says how to write it."""
    with pytest.raises(MftctlError, match="--timeout") as caught:
        parse_duration(text, "--timeout")
    assert caught.value.exit == Exit.USAGE
    assert "2h" in caught.value.hint


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0s"), (1.25, "1.2s"), (9.97, "10s"), (59.4, "59s"), (185, "3m05s"), (7500, "2h05m")],
)
def test_a_duration_is_shown_short(seconds: float, text: str) -> None:
    """Tenths below ten seconds, then two units."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1_440, "1.4 KB"),
        (75_300_000, "75.3 MB"),
        (140_200_000, "140 MB"),
        (2.5e9, "2.5 GB"),
    ],
)
def test_a_size_is_shown_short(count: float, text: str) -> None:
    """The largest unit that fits, with a digit after the point below 100."""
    assert format_size(count) == text
