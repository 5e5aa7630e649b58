"""How a run failed, as a value: carried from a part of a run to the whole, and through continue-as-new."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio.exceptions import ApplicationError, CancelledError, is_cancelled_exception

#: Type of the failure of a run that passed its workflow timeout.
TIMEOUT = "WorkflowTimeout"


def plain_failure(error: BaseException) -> dict[str, Any]:
    """JSON values."""
    if isinstance(error, asyncio.CancelledError) or is_cancelled_exception(error):
        return {"cancelled": True}
    if isinstance(error, ApplicationError):
        return {"message": error.message, "details": list(error.details), "type": error.type}
    return {"message": str(error), "details": [{"message": str(error)}], "type": type(error).__name__}


def failure_of(plain: dict[str, Any]) -> BaseException:
    """The error that ``plain_failure`` gave."""
    if plain.get("cancelled"):
        return CancelledError("cancelled")
    return ApplicationError(plain["message"], *plain["details"], type=plain["type"])


def with_compensations(error: BaseException, count: int, failed: list[dict[str, Any]]) -> BaseException:
    """The error, telling also how many compensations ran after it, and which of them failed."""
    if not isinstance(error, ApplicationError):
        return error
    details = error.details[0] if error.details and isinstance(error.details[0], dict) else {}
    told = {**details, "compensations": {"count": count, "failed": failed}}
    return ApplicationError(error.message, told, type=error.type)
