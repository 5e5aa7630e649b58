"""Why a flow cannot be compiled: the error, and the text of errors of Metaflow and of the flow's own code."""

from __future__ import annotations

import os
import traceback
from types import TracebackType
from typing import Any, Optional

from ....model.errors import Exit, MftctlError
from .. import own_code

#: Codes of errors that the flow or the command must be changed for.
_USAGE = (
    *("usage", "unsupported", "parameter.invalid"),
    *("flow.import", "flow.invalid", "flow.none", "flow.several", "flow.exited"),
)
_EXITS = {**dict.fromkeys(_USAGE, Exit.USAGE), "python.metaflow": Exit.CONFLICT}
#: Hooks of step decorators that may reject a flow, and the position of the step's name among their parameters.
_HOOKS = {"step_init": 3, "package_init": 2, "step_init_ctx": 1, "package_init_ctx": 1}
#: Characters of an error's text, and lines of a traceback, from its end.
MAX_TEXT, MAX_LINES = 300, 40


class CompileError(MftctlError):
    """The flow cannot be compiled; its exit code follows from its ``code``."""

    def __init__(
        self, message: str, code: str = "flow.invalid", hint: str = "", log: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, exit=_EXITS.get(code, Exit.FAILED), code=code, hint=hint, log=log)


def metaflow_error(error: Any) -> str:
    """A MetaflowException in one line: ``step train, @kubernetes: Kubernetes error: …``."""
    where = f" (line {error.line_no})" if getattr(error, "line_no", None) else ""
    text, _, trace = str(error.message).partition("Traceback (most recent call last):")
    if trace:  # of a function that the flow has given Metaflow, such as a Parameter's default
        text = f"{text.strip().rstrip(':')}: {trace.strip().splitlines()[-1]}"
    return f"{_decorator_of(error)}{error.headline}: {' '.join(text.split())}{where}"


def import_error(file: str, path: str, error: BaseException) -> str:
    """An error of an import in one line, with the last line of the user's code: ``helper.py:3: ValueError: …``.

    ``file`` is the flow's file as the user typed it, ``path`` its full path.
    """
    line: Optional[int]
    if isinstance(error, SyntaxError) and error.filename:
        where, line, text = error.filename, error.lineno, str(error.msg)
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == path or own_code.is_own(frame.filename)]
        where, line = (own[-1].filename, own[-1].lineno) if own else (path, None)
        text = str(error)
    # Below the working folder, a path is shown relative to it.
    name = file if where == path else where.removeprefix(os.path.join(os.getcwd(), ""))
    text = " ".join(text.split())
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT].rpartition(" ")[0] + " …"
    kind = type(error).__name__
    return f"{name}{'' if line is None else f':{line}'}: {kind}" + (f": {text}" if text else "")


def is_of_user(path: str, error: BaseException) -> bool:
    """Whether code of the flow, whose file is ``path``, raised the error: a frame of its traceback is of it."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename == path or own_code.is_own(frame.filename) for frame in frames)


def user_traceback(path: str, error: BaseException) -> tuple[str, ...]:
    """The lines of the traceback as `python FILE` prints it, from the flow's file on; empty when it has no frame."""
    start: Optional[TracebackType] = error.__traceback__
    while start is not None and start.tb_frame.f_code.co_filename != path:
        start = start.tb_next
    if start is None and not isinstance(error, SyntaxError):
        return ()
    lines = "".join(traceback.format_exception(type(error), error, start)).rstrip().splitlines()
    return tuple(lines[-MAX_LINES:])


def _decorator_of(error: BaseException) -> str:
    """The step and the decorator that raised the error, as the head of its line; empty for other errors."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        position = _HOOKS.get(code.co_name, code.co_argcount)
        if position < code.co_argcount:
            known: dict[str, Any] = trace.tb_frame.f_locals
            decorator = getattr(known.get("self"), "name", "")
            return f"step {known[code.co_varnames[position]]}, @{decorator}: "
        trace = trace.tb_next
    return ""
