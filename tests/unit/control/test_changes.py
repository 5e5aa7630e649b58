"""What `deploy` says has changed."""

from __future__ import annotations

from dataclasses import replace

from mftctl.control.changes import Change, changes
from mftctl.model.manifest import Launch, Manifest, Package, Step
from mftctl.model.parameter import Parameter

LAUNCH = Launch(
    flow="F",
    file="f.py",
    package=Package("sha1", "url", "{}"),
    python="python",
    metadata="local",
    datastore="local",
    datastore_root="/d",
    environment="local",
    event_logger="nullSidecarLogger",
    monitor="nullSidecarMonitor",
    tags=("a",),
)
STEPS = (Step("start", "start", ("end",)), Step("end", "end"))
BEFORE = Manifest("F", LAUNCH, "start", "end", STEPS, "q", "me", (Parameter("alpha", "float"),))


def texts(after: Manifest) -> list[str]:
    return [change.text for change in changes(BEFORE, after)]


def test_the_same_manifest_has_no_changes() -> None:
    """Deploying again what is there changes nothing."""
    assert changes(BEFORE, replace(BEFORE)) == []


def test_code_is_told_by_its_digest() -> None:
    """A new code package is a change of code."""
    assert texts(replace(BEFORE, launch=replace(LAUNCH, package=Package("sha2", "url", "{}")))) == [
        "code changed"
    ]


def test_steps_come_and_go() -> None:
    """Added and removed steps are named, and so is what the others now lead to."""
    after = replace(
        BEFORE,
        steps=(
            Step("start", "start", ("train",)),
            Step("train", "linear", ("finish",)),
            Step("finish", "end"),
        ),
    )
    assert texts(after) == [
        "step train added",
        "step finish added",
        "step end removed",
        "step start changed its next: [end] -> [train]",
    ]


def test_policies_of_a_step_are_told() -> None:
    """A step that is retried more often has changed."""
    after = replace(BEFORE, steps=(replace(STEPS[0], user_retries=3), STEPS[1]))
    assert texts(after) == ["step start changed its user retries: 0 -> 3"]


def test_parameters_are_told() -> None:
    """Added, removed and changed parameters."""
    after = replace(BEFORE, parameters=(Parameter("alpha", "int"), Parameter("beta")))
    assert texts(after) == ["parameter beta added", "parameter alpha changed its type: float -> int"]


def test_options_are_told() -> None:
    """Tags, limits and where it runs."""
    after = replace(
        BEFORE,
        launch=replace(LAUNCH, tags=("a", "b")),
        max_workers=4,
        workflow_timeout=60.0,
        priority=1,
        title="Train",
        task_queue="other",
    )
    assert texts(after) == [
        "task queue changed: q -> other",
        "max workers changed: 100 -> 4",
        "workflow timeout changed: none -> 60.0",
        "priority changed: none -> 1",
        "title changed: none -> Train",
        "tags changed: [a] -> [a, b]",
    ]


def test_a_change_is_plain_json() -> None:
    """Programs get what it is about, how it changed, and both values."""
    assert Change("max workers", "changed", "", 100, 4).to_plain() == {
        "what": "max workers",
        "kind": "changed",
        "before": 100,
        "after": 4,
    }
