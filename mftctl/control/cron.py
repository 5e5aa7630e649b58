"""Cron expressions of @schedule, which are those of AWS EventBridge, as calendars of a Temporal Schedule.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html: minute, hour, day of month,
month, day of week and year; days of the week count from 1 (Sunday), and one of the two days is ``?``. A calendar has
the same as ranges of numbers, so that nothing depends on Temporal's own cron dialect, which differs.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass

#: First and last value, and step: 1-5/2 is (1, 5, 2).
Range = tuple[int, int, int]

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
#: Years that a Temporal calendar knows; AWS's are 1970 to 2199.
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
_ITEM = re.compile(r"(?:\*|([A-Z0-9]+)(?:-([A-Z0-9]+))?)(?:/(\d+))?")


@dataclass(frozen=True)
class Calendar:
    """When a schedule is due, at second 0: each field has the ranges that match; an empty one matches all values.

    ``days_of_week`` count from 0 (Sunday), as Temporal has them.
    """

    minutes: tuple[Range, ...] = ()
    hours: tuple[Range, ...] = ()
    days: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    days_of_week: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()


def parse(expression: str) -> Calendar:
    """The calendar of an expression; ValueError says what is wrong.

    The sixth field, the year, is optional, as in Argo. Numbers for days of the week are then refused: in other
    crons 1 is Monday.
    """
    fields = expression.upper().split()
    if len(fields) not in {5, 6}:
        raise ValueError(
            f"it has {len(fields)} fields, not minute, hour, day of month, month, day of week, year"
        )
    minute, hour, day, month, weekday = fields[:5]
    year = fields[5] if len(fields) == 6 else "*"
    if day not in {"*", "?"} and weekday not in {"*", "?"}:
        raise ValueError("it has a day of month and a day of week: one of them must be '?'")
    if len(fields) == 5 and re.search(r"\d", weekday.split("/")[0]):
        raise ValueError(f"day of week '{weekday}' is ambiguous without a year: write MON or MON-FRI")
    days = _field("day of month", day, 1, 31, any_day=True)
    months = _field("month", month, 1, 12, _MONTHS)
    years = _years(_field("year", year, 1970, 2199))
    _refuse_impossible(days, months, years)
    return Calendar(
        minutes=_field("minute", minute, 0, 59),
        hours=_field("hour", hour, 0, 23),
        days=days,
        months=months,
        days_of_week=tuple(
            (first - 1, last - 1, step)
            for first, last, step in _field("day of week", weekday, 1, 7, _DAYS, any_day=True)
        ),
        years=years,
    )


def _refuse_impossible(days: tuple[Range, ...], months: tuple[Range, ...], years: tuple[Range, ...]) -> None:
    """Refuse a date that no year has, such as February 30: the schedule would never be due."""
    if not days:
        return
    first = min(start for start, _, _ in days)
    wanted = _values(months) or range(1, 13)
    known = _values(years) or range(_FIRST_YEAR, _LAST_YEAR + 1)
    if any(first <= monthrange(year, month)[1] for year in known for month in wanted):
        return
    names = ", ".join(_MONTHS[month - 1] for month in wanted)
    raise ValueError(f"it is never due: {names} has no day {first}" + (" in its years" if years else ""))


def _values(ranges: tuple[Range, ...]) -> list[int]:
    return sorted({value for first, last, step in ranges for value in range(first, last + 1, step)})


def _field(
    what: str, text: str, low: int, high: int, names: tuple[str, ...] = (), *, any_day: bool = False
) -> tuple[Range, ...]:
    if text == "*" or (text == "?" and any_day):
        return ()
    return tuple(_range(what, item, low, high, names) for item in text.split(","))


def _range(what: str, item: str, low: int, high: int, names: tuple[str, ...]) -> Range:
    _refuse_special(what, item, names)
    matched = _ITEM.fullmatch(item)
    if matched is None:
        raise ValueError(f"{what} '{item}' is not understood")
    first, last, step = matched.groups()
    if first is None:
        start, end = low, high
    else:
        start = _value(what, first, low, high, names)
        # As in AWS and Quartz: 5/10 begins at 5 and ends at the field's last value.
        end = _value(what, last, low, high, names) if last is not None else high if step else start
    if end < start:
        raise ValueError(f"{what} '{item}' runs backwards: write it as two ranges")
    if step is not None and int(step) == 0:
        raise ValueError(f"{what} '{item}' has a step of 0")
    return start, end, int(step or 1)


def _refuse_special(what: str, item: str, names: tuple[str, ...]) -> None:
    for sign, meaning in (
        ("L", "the last day"),
        ("W", "the nearest weekday"),
        ("#", "the nth day of a month"),
    ):
        plain = item
        for name in names:
            plain = plain.replace(name, "")
        if sign in plain:
            raise ValueError(f"{what} '{item}': {sign} ({meaning}) is not supported")


def _value(what: str, text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + low
    if not text.isdigit():
        known = f", or {names[0]} to {names[-1]}" if names else ""
        raise ValueError(f"{what} '{text}' is not understood: use {low} to {high}{known}")
    if not low <= int(text) <= high:
        raise ValueError(f"{what} {text} is not within {low} to {high}")
    return int(text)


def _years(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    """The years that a Temporal calendar supports."""
    known = []
    for first, last, step in ranges:
        behind = max(0, _FIRST_YEAR - first)
        begin, end = first + -(-behind // step) * step, min(last, _LAST_YEAR)
        if begin <= end:
            known.append((begin, end, step))
    if ranges and not known:
        raise ValueError(f"its years are not within {_FIRST_YEAR} to {_LAST_YEAR}")
    return tuple(known)
