"""Cron expressions of @schedule."""

from __future__ import annotations

import pytest

from mftctl.control.cron import Calendar, parse


def test_fields_become_ranges() -> None:
    """Values, ranges, lists, steps and names of each field are ranges of numbers."""
    assert parse("0/15 8-17 ? JAN,mar-MAY MON-FRI 2026-2030/2") == Calendar(
        minutes=((0, 59, 15),),
        hours=((8, 17, 1),),
        months=((1, 1, 1), (3, 5, 1)),
        days_of_week=((1, 5, 1),),
        years=((2026, 2030, 2),),
    )


@pytest.mark.parametrize(
    ("day", "ranges"),
    [("1", ((0, 0, 1),)), ("7", ((6, 6, 1),)), ("SUN-SAT", ((0, 6, 1),)), ("2-6/2", ((1, 5, 2),))],
)
def test_days_of_the_week_count_from_sunday(day: str, ranges: tuple[tuple[int, int, int], ...]) -> None:
    """1 is Sunday and 7 is Saturday, as AWS has them."""
    assert parse(f"0 0 ? * {day} *").days_of_week == ranges


def test_a_step_without_an_end_goes_to_the_end_of_the_field() -> None:
    """5/10 is 5, 15, … 55."""
    assert parse("5/10 * * * ? *").minutes == ((5, 59, 10),)


def test_years_are_those_that_temporal_knows() -> None:
    """Years before 2000 and after 2100 are cut off, in step."""
    assert parse("0 0 1 1 ? 1995-2199/10").years == ((2005, 2100, 10),)


def test_the_year_may_be_left_out() -> None:
    """Five fields are taken, as Argo takes them, where they cannot mean two things."""
    assert parse("0 10 * * *") == parse("0 10 * * ? *")
    assert parse("0 10 ? * MON") == parse("0 10 ? * 2 *")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 0 * *", "4 fields"),
        ("", "0 fields"),
        ("0 0 1 * MON *", "one of them must be '?'"),
        ("0 0 ? * 1-5", "MON-FRI"),
        ("0 0 L * ? *", "L (the last day) is not supported"),
        ("0 0 15W * ? *", "W (the nearest weekday) is not supported"),
        ("0 0 ? * 6#3 *", "# (the nth day of a month) is not supported"),
        ("0 0 ? * FRIL *", "L (the last day) is not supported"),
        ("60 0 * * ? *", "minute 60 is not within 0 to 59"),
        ("0 24 * * ? *", "hour 24 is not within 0 to 23"),
        ("0 0 0 * ? *", "day of month 0 is not within 1 to 31"),
        ("0 0 ? * 0 *", "day of week 0 is not within 1 to 7"),
        ("0 0 ? * FRI-MON *", "runs backwards"),
        ("*/0 * * * ? *", "a step of 0"),
        ("*-5 * * * ? *", "not understood"),
        ("? * * * ? *", "not understood"),
        ("1,,2 * * * ? *", "not understood"),
        ("0 0 * MARCH ? *", "use 1 to 12, or JAN to DEC"),
        ("0 0 * * ? 1999", "not within 2000 to 2100"),
        ("0 0 30 2 ? *", "never due: FEB has no day 30"),
        ("0 0 31 4,6,9/2 ? *", "never due: APR, JUN, SEP, NOV has no day 31"),
        ("0 0 31 FEB-APR/2 *", "never due: FEB, APR has no day 31"),
        ("0 0 29 2 ? 2025-2027", "never due: FEB has no day 29 in its years"),
    ],
)
def test_what_cannot_be_is_refused_by_name(expression: str, words: str) -> None:
    """An expression that is wrong, or that Temporal cannot keep, is refused with the field that is at fault."""
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its words are what is tested
        parse(expression)
    assert words in str(raised.value)
