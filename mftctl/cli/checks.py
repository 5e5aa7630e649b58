"""Whether everything that a profile names can be reached and used, and how to mend what cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..model.errors import Exit, MftctlError
from ..profiles import Profile
from .interpreter import flow_interpreter
from .options import Connection
from .session import endpoint, quiet_sdk
from .text import columns

if TYPE_CHECKING:
    from ..control.connection.diagnosis import CheckResult

#: Errors of settings, and the check that would have used them.
_CHECK_OF = {"temporal.key": "authentication", "temporal.address": "dns"}


async def check_connection(connection: Connection, profile: Profile) -> list[CheckResult]:
    """The checks of the connection to Temporal, in the order in which each needs the one before."""
    from ..control.connection.connect import connect
    from ..control.connection.diagnosis import CHECKS, CheckResult, run_checks

    quiet_sdk()
    try:
        where = endpoint(connection, profile)
    except MftctlError as error:
        at = _CHECK_OF.get(error.code, "tls")
        wrong = CheckResult(at, False, error.message, error.hint, error.code)
        return [wrong if check == at else CheckResult(check, None, "not tried") for check in CHECKS]
    try:
        client = await connect(where)
    except MftctlError as error:
        return await run_checks(where, error)
    return await run_checks(where, client)


def check_flows(profile: Profile) -> list[CheckResult]:
    """The checks of the flow's interpreter, and of the datastore and the metadata provider as it sees them."""
    from ..control.connection.diagnosis import CheckResult
    from ..interpreter.inspection import examine

    try:
        python = flow_interpreter(profile)
    except MftctlError as error:
        wrong = CheckResult("flow interpreter", False, error.message, error.hint, error.code)
        return [
            wrong,
            *(CheckResult(check, None, "not reached") for check in ("datastore", "metadata service")),
        ]
    found = examine(python, profile.get("metadata"), profile.get("datastore"), profile.get("datastore_root"))
    return [
        _interpreter(found["interpreter"]),
        _datastore(found.get("datastore")),
        _metadata(found.get("metadata")),
    ]


def error_of(found: Sequence[CheckResult]) -> MftctlError | None:
    """Exit code 5 where Temporal cannot be reached or refuses us, 1 where another check has failed."""
    from ..control.connection.diagnosis import CHECKS

    failed = [one.check for one in found if one.ok is False]
    if not failed:
        return None
    unreachable = any(check in CHECKS for check in failed)
    what = "check has" if len(failed) == 1 else "checks have"
    return MftctlError(
        f"{len(failed)} {what} failed: {', '.join(failed)}",
        exit=Exit.UNREACHABLE if unreachable else Exit.FAILED,
        code="profile.check",
    )


def told(found: Sequence[CheckResult]) -> str:
    """The findings for people: a line each, and below it how to mend what is wrong."""
    marks = {True: "ok", False: "FAILED", None: "-"}
    rows = []
    for one in found:
        rows.append((one.check, marks[one.ok], one.message))
        if one.hint:
            rows.append(("", "", f"hint: {one.hint}"))
    return columns(rows)


def plain(found: Sequence[CheckResult]) -> list[dict[str, Any]]:
    """The findings as JSON values."""
    return [{**asdict(one), "hint": one.hint or None, "code": one.code or None} for one in found]


def _interpreter(found: dict[str, Any]) -> CheckResult:
    from ..control.connection.diagnosis import CheckResult

    where = found.get("executable", "")
    if "error" in found:
        hint = "name another with --python, MFTCTL_PYTHON or python in the profile"
        return CheckResult("flow interpreter", False, f"{where}: {found['error']}", hint, "python.unfit")
    whose = "" if found["own_metaflow"] else " (mftctl's; it has none of its own)"
    whose += f" ({found['remark']})" if found["remark"] else ""
    message = f"{where}: Python {found['version']}, metaflow {found['metaflow']}{whose}"
    return CheckResult("flow interpreter", True, message)


def _datastore(found: dict[str, Any] | None) -> CheckResult:
    from ..control.connection.diagnosis import CheckResult

    if found is None:
        return CheckResult("datastore", None, "not reached")
    where = " at ".join(filter(None, (found.get("type"), found.get("where"))))
    if "error" in found:
        hint = "is datastore_root right, and has this machine the rights and the packages (boto3 for s3)?"
        return CheckResult("datastore", False, f"{where}: {found['error']}".lstrip(": "), hint, "datastore")
    return CheckResult("datastore", True, f"{where} can be written and read")


def _metadata(found: dict[str, Any] | None) -> CheckResult:
    from ..control.connection.diagnosis import CheckResult

    if found is None:
        return CheckResult("metadata service", None, "not reached")
    kind, where = found.get("type"), found.get("where")
    if "error" in found:
        told = " at ".join(filter(None, (kind, where)))
        hint = 'is METAFLOW_SERVICE_URL right, and the service up? `metadata = "local"` needs none'
        return CheckResult(
            "metadata service", False, f"{told}: {found['error']}".lstrip(": "), hint, "metadata"
        )
    if where is None:
        return CheckResult("metadata service", True, f"{kind}: none is needed")
    version = f", version {found['version']}" if found.get("version") else ""
    return CheckResult("metadata service", True, f"{where} answers{version}")


def run_checks(connection: Connection, profile: Profile) -> list[CheckResult]:
    """All checks."""
    return [*asyncio.run(check_connection(connection, profile)), *check_flows(profile)]
