"""The version of Temporal's worker versioning that a worker has."""

from __future__ import annotations

import pytest

from mftctl.model.errors import UsageError
from mftctl.model.worker_version import WorkerVersion
from mftctl.operations.worker_options import CONTROLLER, WorkerOptions
from mftctl.profiles import Profile

NAME, BUILD = CONTROLLER


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take none from this machine."""
    for name in (*CONTROLLER, "MFTCTL_DEPLOYMENT_VERSION"):
        monkeypatch.delenv(name, raising=False)


def version(flag: str | None = None, **values: str) -> WorkerVersion | None:
    return WorkerOptions(deployment_version=flag).settings(Profile("p", values)).version


def test_a_version_comes_from_the_flag_the_variable_or_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else from Temporal's worker controller for Kubernetes, which sets both of its variables; else there is none."""
    assert version() is None
    monkeypatch.setenv(BUILD, "abc-1")
    assert version() is None
    monkeypatch.setenv(NAME, "ml-prod/train")
    assert version() == WorkerVersion("ml-prod/train", "abc-1")
    assert version(deployment_version="v1") == WorkerVersion("mftctl", "v1")
    monkeypatch.setenv("MFTCTL_DEPLOYMENT_VERSION", "v2")
    assert version(deployment_version="v1") == WorkerVersion("mftctl", "v2")
    assert version("gpu:v3") == WorkerVersion("gpu", "v3")


def test_a_wrong_version_names_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag, or the variables."""
    with pytest.raises(UsageError, match="--deployment-version: the build id 'v 1'"):
        version("v 1")
    monkeypatch.setenv(NAME, "team.train")
    monkeypatch.setenv(BUILD, "1")
    with pytest.raises(UsageError, match="TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID: the name"):
        version()
