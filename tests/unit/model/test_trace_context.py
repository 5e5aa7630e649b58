"""Places in traces."""

from __future__ import annotations

import pytest

from mftctl.model.trace_context import TraceContext, of_run

HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_header_is_read_and_written() -> None:
    """With its flag; a later version may have more fields."""
    found = TraceContext.parse(HEADER)
    assert found == TraceContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)
    assert str(found) == HEADER
    assert TraceContext.parse(f"01{HEADER[2:-2]}00-more") == TraceContext(
        found.trace_id, found.span_id, False
    )


@pytest.mark.parametrize(
    "header", [None, "", "x", HEADER[:-1], HEADER.upper(), f"ff{HEADER[2:]}", f"00-{'0' * 32}-{'1' * 16}-01"]
)
def test_what_is_no_header_is_none(header: str | None) -> None:
    """As the standard says."""
    assert TraceContext.parse(header) is None


def test_the_span_of_a_run_follows_from_its_id() -> None:
    """In the trace of its caller, with its flag, or in one of its own."""
    caller = TraceContext(1, 2, sampled=False)
    assert of_run("a", caller) == of_run("a", caller) == TraceContext(1, of_run("a", None).span_id, False)
    assert of_run("a", None) != of_run("b", None)
    assert of_run("a", None).sampled
