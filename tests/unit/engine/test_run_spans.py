"""The span of a run: one for each execution that ends, whatever its workers do meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from standin import Engine, ended, fails, foreach, hangs, linear, manifest

from mftctl.model.trace_context import TRACEPARENT, TraceContext, of_run
from mftctl.worker.run_span import RunSpans

QUEUE = "traced"
CALLER = TraceContext(0xA, 0xB)


class Recorder:
    """A tracer that keeps its spans, or that fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.problems: list[str] = []
        self.spans: dict[str, list[tuple[Any, ...]]] = {}

    def run(self, run_id: str, caller: TraceContext | None) -> TraceContext:
        if self.failure is not None:
            raise self.failure
        return of_run(run_id, caller)

    def within(self, parent: TraceContext) -> TraceContext:
        return replace(parent, span_id=0xC)

    def record(self, name: str, *given: Any) -> None:
        span, parent, (began, end), attributes, error = given
        assert began <= end
        self.spans.setdefault(attributes["mftctl.run_id"], []).append((name, span, parent, error))

    def problem(self, message: str) -> None:
        self.problems.append(message)


async def test_each_run_that_ends_has_one_span(engine: Engine) -> None:
    """Also with parts of a wide foreach, and under a worker that forgets every run between its workflow tasks."""
    recorder = Recorder()
    spans = RunSpans(recorder)  # type: ignore[arg-type]
    wide = manifest("Wide", foreach(("work",)), task_queue=QUEUE, max_workers=50)
    line = manifest("Line", linear("a"), task_queue=QUEUE)
    # As `run` starts it, which tells no deployment of its end: without a cache a local activity is begun anew.
    wide, line = (replace(one, launch=replace(one.launch, cwd="/")) for one in (wide, line))
    async with engine.worker(task_queue=QUEUE, interceptors=[spans], max_cached_workflows=0):
        runs = [
            await engine.start(wide, widths={"start": 101}, variables={TRACEPARENT: str(CALLER)}),
            await engine.start(line, {"a": fails("no data")}),
            await engine.start(line, {"a": hangs}),
            await engine.start(line, generation=1),
        ]
        script, hanging = runs[2]
        await script.began("a")
        await hanging.cancel()
        how = await asyncio.gather(*(ended(handle) for _, handle in runs))
    assert [one.status for one in how] == ["completed", "failed", "cancelled", "completed"]
    ids = [handle.id for _, handle in runs]
    alone = [of_run(run_id, None) for run_id in ids]
    assert [recorder.spans[run_id] for run_id in ids] == [
        [("Wide", of_run(ids[0], CALLER), CALLER, None)],
        [("Line", alone[1], None, "StepFailed: step a failed: no data")],
        [("Line", alone[2], None, "the run was cancelled")],
        [("resume Line", replace(alone[3], span_id=0xC), alone[3], None)],
    ]
    assert recorder.problems == []


async def test_a_run_ends_whatever_becomes_of_its_span(engine: Engine) -> None:
    """The problem is reported."""
    recorder = Recorder(ValueError("no"))
    spans = RunSpans(recorder)  # type: ignore[arg-type]
    async with engine.worker(task_queue=QUEUE, interceptors=[spans]):
        _, how = await engine.run(manifest("Line", linear("a"), task_queue=QUEUE))
    assert how.status == "completed"
    assert recorder.problems == ["ValueError: no"]
