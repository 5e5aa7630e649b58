"""Places in traces, as W3C's Trace Context names them, and the place of a run.

The ids of a run's trace are made of its run id, so whoever knows the run knows them: no message carries them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

#: The variable by which a process learns its place in a trace.
TRACEPARENT = "TRACEPARENT"

_HEADER = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


@dataclass(frozen=True)
class TraceContext:
    """A span of a trace; ``sampled``: whether it is exported."""

    trace_id: int
    span_id: int
    sampled: bool = True

    @classmethod
    def parse(cls, header: Optional[str]) -> Optional[TraceContext]:
        """The context of a ``traceparent``; None where it is none."""
        found = _HEADER.fullmatch(header or "")
        if found is None or header is None or header.startswith("ff"):
            return None
        trace, span, flags = (int(part, 16) for part in found.groups())
        return cls(trace, span, bool(flags & 1)) if trace and span else None

    def __str__(self) -> str:
        return f"00-{self.trace}-{self.span_id:016x}-{int(self.sampled):02x}"

    @property
    def trace(self) -> str:
        """The id of the trace, as backends show it."""
        return f"{self.trace_id:032x}"


def caller_of(variables: Mapping[str, str]) -> Optional[TraceContext]:
    """The span that started a run with these variables, if there was one."""
    return TraceContext.parse(variables.get(TRACEPARENT))


def of_run(run_id: str, caller: Optional[TraceContext]) -> TraceContext:
    """The span of a run: in the trace of its ``caller``, else in one of its own."""
    digest = hashlib.sha256(f"mftctl run {run_id}".encode()).digest()
    span_id = int.from_bytes(digest[:8], "big")
    if caller is None:
        return TraceContext(int.from_bytes(digest[8:24], "big"), span_id)
    return TraceContext(caller.trace_id, span_id, caller.sampled)
