"""Check that everything that a profile names works, and say how to fix what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ..console.output import Result
from ..control.connection import diagnosis
from ..control.connection.connect import connect
from ..control.connection.diagnosis import CHECKS, CheckResult
from ..interpreter.inspection import examine
from ..model.errors import Exit, MftctlError
from ..profiles import Profile
from ..results.doctor_results import Check, checks_table
from ..results.profile_results import Checks
from .command_options import Connection, flow_interpreter
from .open_client import quiet_sdk
from .profile_operations import with_profile
from .server_choice import endpoint

#: Errors of settings, and the check that would have used them.
_CHECK_OF = {"temporal.key": "authentication", "temporal.address": "dns"}


def check(connection: Connection, name: str | None) -> Result[Checks]:
    """The checks of a profile."""
    connection = with_profile(connection, name)
    profile = connection.settings()
    found = run_checks(connection, profile)
    failed = [one.check for one in found if one.ok is False]
    checks = Checks(profile=profile.name, ok=not failed, checks=tuple(found))
    return Result(checks, checks_table(found), failed, error=failure_of(found))


def run_checks(connection: Connection, profile: Profile, *, with_server: bool = True) -> list[Check]:
    """All checks: of the connection to Temporal first, each of which needs the one before."""
    found = asyncio.run(_connection_checks(connection, profile)) if with_server else []
    return [
        Check(check=one.check, ok=one.ok, message=one.message, hint=one.hint or None, code=one.code or None)
        for one in (*found, *_flow_checks(profile))
    ]


def failure_of(checks: Sequence[Check]) -> MftctlError | None:
    """Exit code 5 where Temporal cannot be reached or denies access, 1 where another check has failed."""
    failed = [one.check for one in checks if one.ok is False]
    if not failed:
        return None
    what = "check has" if len(failed) == 1 else "checks have"
    return MftctlError(
        f"{len(failed)} {what} failed: {', '.join(failed)}",
        exit=Exit.UNREACHABLE if unreachable(checks) else Exit.FAILED,
        code="profile.check",
    )


def unreachable(checks: Sequence[Check]) -> bool:
    """Whether Temporal cannot be reached or denies access."""
    return any(one.check in CHECKS for one in checks if one.ok is False)


async def _connection_checks(connection: Connection, profile: Profile) -> list[CheckResult]:
    quiet_sdk()
    try:
        where = endpoint(connection, profile)
    except MftctlError as error:
        at = _CHECK_OF.get(error.code, "tls")
        failed = CheckResult(at, False, error.message, error.hint, error.code)
        return [failed if check == at else CheckResult(check, None, "not tried") for check in CHECKS]
    try:
        client = await connect(where)
    except MftctlError as error:
        return await diagnosis.run_checks(where, error)
    return await diagnosis.run_checks(where, client)


def _flow_checks(profile: Profile) -> list[CheckResult]:
    """The flow's interpreter, and the datastore and the metadata provider as it sees them."""
    try:
        python = flow_interpreter(profile)
    except MftctlError as error:
        failed = CheckResult("flow interpreter", False, error.message, error.hint, error.code)
        return [failed, _datastore(None), _metadata(None)]
    found = examine(python, profile.get("metadata"), profile.get("datastore"), profile.get("datastore_root"))
    return [
        _interpreter(found["interpreter"]),
        _datastore(found.get("datastore")),
        _metadata(found.get("metadata")),
    ]


def _interpreter(found: dict[str, Any]) -> CheckResult:
    where = found.get("executable", "")
    if "error" in found:
        hint = "name another with --python, MFTCTL_PYTHON or python in the profile"
        return CheckResult("flow interpreter", False, f"{where}: {found['error']}", hint, "python.unfit")
    whose = "" if found["own_metaflow"] else " (mftctl's; it has none of its own)"
    whose += f" ({found['remark']})" if found["remark"] else ""
    message = f"{where}: Python {found['version']}, metaflow {found['metaflow']}{whose}"
    return CheckResult("flow interpreter", True, message)


def _datastore(found: dict[str, Any] | None) -> CheckResult:
    if found is None:
        return CheckResult("datastore", None, "not reached")
    if "error" in found:
        hint = "is datastore_root right, and has this machine the rights and the packages (boto3 for s3)?"
        return CheckResult("datastore", False, _problem(found), hint, "datastore")
    return CheckResult("datastore", True, f"{_place(found)} can be written and read")


def _metadata(found: dict[str, Any] | None) -> CheckResult:
    if found is None:
        return CheckResult("metadata service", None, "not reached")
    if "error" in found:
        hint = 'is METAFLOW_SERVICE_URL right, and the service up? `metadata = "local"` needs none'
        return CheckResult("metadata service", False, _problem(found), hint, "metadata")
    if found.get("where") is None:
        return CheckResult("metadata service", True, f"{found.get('type')}: none is needed")
    version = f", version {found['version']}" if found.get("version") else ""
    return CheckResult("metadata service", True, f"{found['where']} answers{version}")


def _place(found: dict[str, Any]) -> str:
    return " at ".join(filter(None, (found.get("type"), found.get("where"))))


def _problem(found: dict[str, Any]) -> str:
    return f"{_place(found)}: {found['error']}".lstrip(": ")
