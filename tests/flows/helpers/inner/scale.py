"""Imported relatively by its sibling, absolutely by the flow."""

FACTOR = 10


def scaled(number: int) -> int:
    return number * FACTOR
