"""Hundreds of artifacts of many types, some made by setattr, are all there in the end."""

import collections
import datetime
import decimal
import fractions
import pathlib

from metaflow import FlowSpec, step


class ArtifactsManyFlow(FlowSpec):
    @step
    def start(self):
        for n in range(200):
            setattr(self, f"item_{n:03d}", {"n": n, "square": n * n})
        self.when = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.timezone.utc)
        self.exact = (decimal.Decimal("0.10"), fractions.Fraction(1, 3))
        self.place = pathlib.PurePosixPath("/a/b")
        self.ordered = collections.OrderedDict(z=1, a=2)
        self.counter = collections.Counter("hello")
        self.a_set = {3, 1, 2}
        self.odd = (float("inf"), complex(1, 2), b"\x00\xff", None, ..., slice(1, 2))
        self.error = ValueError("kept as a value")
        self.type_ = collections.Counter
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(getattr(self, f"item_{n:03d}")["square"] for n in range(200))
        self.kept = (self.when.isoformat(), str(self.exact[0]), repr(self.error))


if __name__ == "__main__":
    ArtifactsManyFlow()
