"""A class and an error that live beside the flow, not in it."""

from dataclasses import dataclass

from .inner.scale import scaled


@dataclass
class Box:
    width: int
    height: int

    def area(self) -> int:
        return scaled(self.width * self.height)


class BoxError(Exception):
    pass
