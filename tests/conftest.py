"""What holds for all tests: in CI none is left out for want of a tool."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator

import pytest

#: Reasons to skip a test in CI, too: what a machine is, and not what it lacks.
ALLOWED = (
    "itself does not run it so",  # an older Metaflow, whose flows have less
    "every Python from 3.11 on is in a folder that only root may enter",
    "no Python before 3.11 on this machine",
    "no device that is always full",
    "only root may become another user",
    "no systemd-analyze on this machine",
)


#: jsonschema would compile grammars for two seconds at its import, for a format that no schema here has.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]


def pytest_configure() -> None:
    """Take the signals that a job in the background, or one of `nohup`, is started without: tests send them."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage in what is imported for the tests: all of it stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say a test's group in its id, where xdist's ``loadgroup`` looks for it.

    xdist 3.8 writes it to a field that pytest 9.2 no longer has (pytest-xdist#1386), and groups nothing, in silence.
    """
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        ending = f"@{'_'.join(groups)}"
        if groups and not item.nodeid.endswith(ending):
            item._id = type(item.id).parse(item.nodeid + ending)


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
