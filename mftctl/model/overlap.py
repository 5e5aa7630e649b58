"""Overlap policies: what happens to a run that is due while the previous one is running."""

from __future__ import annotations

from typing import Literal, get_args

#: Of a schedule.
Overlap = Literal["skip", "buffer-one", "cancel-other", "allow-all"]
OVERLAPS: tuple[Overlap, ...] = get_args(Overlap)
#: Of a backfill.
BackfillOverlap = Literal["skip", "buffer-one", "buffer-all", "cancel-other", "allow-all"]
