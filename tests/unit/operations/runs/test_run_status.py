"""The hint after a run that did not complete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mftctl.control.runs.outcome import RunOutcome
from mftctl.model import ids
from mftctl.model.manifest import Launch, Manifest, Package, Step
from mftctl.operations.runs.run_status import hint_after

RUN = "temporal-tiny-1"


def _manifest(root: str, datastore: str = "local", own: bool = False) -> Manifest:
    package = Package("sha", "url", "{}")
    launch = Launch("Tiny", "tiny.py", package, "python", "local", datastore, root, "local", "null", "null")
    queue = ids.private_queue(RUN) if own else ids.task_queue("Tiny")
    return Manifest("Tiny", launch, "start", "end", (Step("start", "start"),), queue, "me")


@pytest.mark.parametrize(
    ("how", "words", "resumes"),
    [
        (RunOutcome("failed", "x", "train"), f"after a fix: mftctl runs resume {RUN}", True),
        (RunOutcome("failed", "x", "train"), f"mftctl runs logs {RUN} train", True),
        (RunOutcome("timed_out", "x"), f"mftctl runs resume {RUN} --workflow-timeout", True),
        (RunOutcome("cancelled"), f"continue it: mftctl runs resume {RUN}", True),
        (RunOutcome("failed", "x", "train", compensations=2), "mftctl trigger Tiny", False),
    ],
)
def test_hint_names_resume_where_it_can_help(how: RunOutcome, words: str, resumes: bool) -> None:
    """A compensated run is started anew, and a run that timed out is resumed with more time."""
    hint = hint_after(_manifest("/nowhere"), RUN, how)
    assert words in hint
    assert ("resume" in hint) == resumes


def test_local_run_is_resumed_only_if_it_stored_its_parameters(tmp_path: Path) -> None:
    """`python FLOW.py resume` needs the parameters in the datastore; without them the hint does not name it."""
    manifest, failed = _manifest(str(tmp_path), own=True), RunOutcome("failed", "no such module", "start")
    assert "resume" not in hint_after(manifest, RUN, failed, "dir/tiny.py")
    kept = tmp_path / "Tiny" / RUN / "_parameters" / ids.parameters_task_id()
    kept.mkdir(parents=True)
    assert "resume" not in hint_after(manifest, RUN, failed, "dir/tiny.py")
    (kept / "0.DONE.lock").touch()
    resume = f"python 'my dir/tiny.py' resume --origin-run-id {RUN}"
    assert hint_after(manifest, RUN, failed, "my dir/tiny.py") == f"after a fix: {resume}"
    assert (
        hint_after(manifest, RUN, RunOutcome("terminated", "x"), "my dir/tiny.py") == f"continue it: {resume}"
    )


def test_remote_store_is_not_asked(tmp_path: Path) -> None:
    """With a remote datastore, the output of the first task shows that the parameters are stored."""
    manifest = _manifest(str(tmp_path), "s3", own=True)
    assert "resume" not in hint_after(manifest, RUN, RunOutcome("failed", "x", "start"))
    assert "resume" in hint_after(manifest, RUN, RunOutcome("failed", "x", "start", log=("printed",)))
    assert "resume" in hint_after(manifest, RUN, RunOutcome("failed", "x", "end"))


def test_watcher_of_a_local_run_gets_the_same_hint() -> None:
    """`runs watch` of a run of `mftctl run` does not name `runs resume`, which would be refused."""
    manifest = replace(_manifest("/nowhere", "s3", own=True))
    assert "mftctl runs resume" not in hint_after(manifest, RUN, RunOutcome("failed", "x", "end"))
