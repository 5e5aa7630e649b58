"""Properties of a manifest and its steps."""

import dataclasses

import pytest

from mftctl.model.manifest import Package, Step

from ..manifests import LAUNCH, MANIFEST


@pytest.mark.parametrize(
    ("user", "error", "attempts"), [(0, 0, 1), (3, 0, 4), (0, 3, 4), (2, 3, 6), (4, 3, 6)]
)
def test_attempts_are_bounded(user, error, attempts):
    """Retries of user code and of the fallback add up, but to no more than Metaflow's six attempts."""
    assert Step("s", "linear", user_retries=user, error_retries=error).attempts == attempts


def test_version_follows_what_a_run_depends_on():
    """Other code is another version; another owner or task queue is not."""
    other = dataclasses.replace(LAUNCH, package=Package("other", "url", "{}"))
    assert dataclasses.replace(MANIFEST, launch=other).version != MANIFEST.version
    assert dataclasses.replace(MANIFEST, owner="bob", task_queue="x").version == MANIFEST.version
