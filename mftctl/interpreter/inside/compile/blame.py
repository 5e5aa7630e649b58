"""Errors of Metaflow in one line, with the step and the decorator that they are about."""

from __future__ import annotations

from typing import Any, Optional

#: Hooks of step decorators that may refuse a flow, and the position of the step's name among their parameters.
_HOOKS = {"step_init": 3, "package_init": 2, "step_init_ctx": 1, "package_init_ctx": 1}


def in_a_line(error: Any) -> str:
    """What a MetaflowException says, headed by who refused: ``step train, @kubernetes: Kubernetes error: …``."""
    where = f" (line {error.line_no})" if getattr(error, "line_no", None) else ""
    text, _, trace = str(error.message).partition("Traceback (most recent call last):")
    if trace:  # of a function that the flow has given Metaflow, such as a Parameter's default
        text = f"{text.strip().rstrip(':')}: {trace.strip().splitlines()[-1]}"
    return f"{_refused_by(error) or ''}{error.headline}: {' '.join(text.split())}{where}"


def _refused_by(error: BaseException) -> Optional[str]:
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        position = _HOOKS.get(code.co_name, code.co_argcount)
        if position < code.co_argcount:
            known: dict[str, Any] = trace.tb_frame.f_locals
            decorator = getattr(known.get("self"), "name", "")
            return f"step {known[code.co_varnames[position]]}, @{decorator}: "
        trace = trace.tb_next
    return None
