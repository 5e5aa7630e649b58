"""What `deploy` says has changed."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from mftctl.control.manifest_changes import Change, changes
from mftctl.model.manifest import Launch, Manifest, Package, Receiver, Schedule, Step, Trigger
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
        "title changed: none -> Train",
        "priority changed: none -> 1",
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


#: Of a manifest: what names the deployment, what shows in its steps, and the format.
SHOWN_OTHERWISE = {"deployment", "project", "branch", "start", "end", "schema_version"}
#: Of a launch: the flow's name is in the deployment's; ``spellings`` come from parameters; ``cwd`` is that of `run`.
SHOWN_OTHERWISE_IN_LAUNCH = {"flow", "spellings", "cwd", "left_out"}
OTHER_VALUES = {
    "launch": replace(LAUNCH, namespace="other"),
    "package": Package("sha2", "url", "{}"),
    "steps": (Step("start", "start", ("end",), user_retries=1), STEPS[1]),
    "parameters": (),
    "schedule": Schedule("0 6 * * ? *"),
    "triggers": (Trigger("ready"),),
    "compensations": (Step("undo", "end"),),
    "notify": (Receiver("https://example.com", "KEY"),),
    "env": {"A": "1"},
    "max_workers": 3,
    "workflow_timeout": 60.0,
    "priority": 1,
}


def other(name: str, value: object) -> object:
    """Another value of a field."""
    return OTHER_VALUES.get(name, ("other",) if isinstance(value, tuple) else "other")


@pytest.mark.parametrize("name", [one.name for one in fields(Manifest) if one.name not in SHOWN_OTHERWISE])
def test_no_field_changes_in_silence(name: str) -> None:
    """Whatever of a manifest is changed, a deploy says so."""
    assert changes(BEFORE, replace(BEFORE, **{name: other(name, getattr(BEFORE, name))}))


@pytest.mark.parametrize(
    "name", [one.name for one in fields(Launch) if one.name not in SHOWN_OTHERWISE_IN_LAUNCH]
)
def test_no_field_of_a_launch_changes_in_silence(name: str) -> None:
    """The same holds for how its tasks start."""
    launch = replace(LAUNCH, **{name: other(name, getattr(LAUNCH, name))})
    assert changes(BEFORE, replace(BEFORE, launch=launch))


def test_the_key_of_a_receiver_may_change_alone() -> None:
    """The variable with the key that signs notifications is a change of its own."""
    before = replace(BEFORE, notify=(Receiver("https://example.com", "OLD"),))
    after = replace(BEFORE, notify=(Receiver("https://example.com", "NEW"),))
    assert [one.text for one in changes(before, after)] == ["notify key variables changed: [OLD] -> [NEW]"]
