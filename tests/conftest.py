"""What holds for all tests: in CI none is left out for want of a tool."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

#: Reasons to skip a test in CI, too: what a machine is, and not what it lacks.
ALLOWED = (
    "every Python from 3.11 on is in a folder that only root may enter",
    "no Python before 3.11 on this machine",
    "no device that is always full",
    "only root may become another user",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a failure of a test that CI would skip: a tool or a module that is missing there is a fault."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if not any(allowed in reason for allowed in ALLOWED):
            report.outcome = "failed"
            report.longrepr = (
                f"{item.nodeid} must not be skipped in CI: {reason} (.ci/tools installs what is missing)"
            )
    return report
