"""The span of a run, exported by the worker that runs the workflow to its end. It issues no command of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.exceptions import FailureError
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from ..engine.payloads import RunInput
from ..engine.workflow import FlowWorkflow
from ..model import ids
from ..model.trace_context import caller_of

if TYPE_CHECKING:
    from ..control.tracing import Tracer


class RunSpans(Interceptor):
    """Exports a span for each execution of a run that ends; a run that continues as new has one for the whole."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: ARG002 - the SDK's
    ) -> type[WorkflowInboundInterceptor]:
        """The class of the interceptors of workflows."""
        tracer = self._tracer

        class _RunSpan(WorkflowInboundInterceptor):
            async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
                try:
                    result = await super().execute_workflow(input)
                except FailureError as error:
                    _record(tracer, input, str(error))
                    raise
                except asyncio.CancelledError:
                    # Without a reason the worker only drops the workflow from its cache.
                    if workflow.cancellation_reason() is not None:
                        _record(tracer, input, "the run was cancelled")
                    raise
                _record(tracer, input, None)
                return result

        return _RunSpan


def _record(tracer: Tracer, input: ExecuteWorkflowInput, error: str | None) -> None:
    if workflow.unsafe.is_replaying() or not isinstance(workflow.instance(), FlowWorkflow):
        return
    try:
        _export(tracer, input, error)
    except Exception as problem:  # noqa: BLE001 - a run must not fail, or wait, for the sake of its span
        tracer.problem(f"{type(problem).__name__}: {problem}")


def _export(tracer: Tracer, input: ExecuteWorkflowInput, error: str | None) -> None:
    ((argument, *_), *_) = input.args  # of a dynamic workflow: a list of them
    given = RunInput.from_plain(workflow.payload_converter().from_payload(argument.payload, dict))
    if given.scope is not None:  # a part of a run
        return
    info = workflow.info()
    run_id = given.run_id or ids.run_id_of(info.workflow_id)
    caller = caller_of(given.variables)
    span, parent = tracer.run(run_id, caller), caller
    name = given.manifest.flow
    if given.generation:
        span, parent, name = tracer.within(span), span, f"resume {name}"
    began = given.started or info.workflow_start_time.timestamp()
    attributes = {"mftctl.flow": given.manifest.flow, "mftctl.run_id": run_id}
    tracer.record(name, span, parent, (began, workflow.time()), attributes, error)
