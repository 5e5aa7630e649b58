"""What is advised after a run that did not complete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mftctl.cli.hints import after
from mftctl.control.runs.outcome import RunOutcome
from mftctl.model import ids
from mftctl.model.manifest import Launch, Manifest, Package, Step

RUN = "temporal-tiny-1"


def _manifest(root: str, datastore: str = "local", own: bool = False) -> Manifest:
    package = Package("sha", "url", "{}")
    launch = Launch("Tiny", "tiny.py", package, "python", "local", datastore, root, "local", "null", "null")
    queue = ids.private_queue(RUN) if own else ids.task_queue("Tiny")
    return Manifest("Tiny", launch, "start", "end", (Step("start", "start"),), queue, "me")


@pytest.mark.parametrize(
    ("how", "words", "resumes"),
    [
        (RunOutcome("failed", "x", "train"), f"once mended: mftctl runs resume {RUN}", True),
        (RunOutcome("failed", "x", "train"), f"mftctl runs logs {RUN} train", True),
        (RunOutcome("timed_out", "x"), f"mftctl runs resume {RUN} --workflow-timeout", True),
        (RunOutcome("cancelled"), f"go on from there: mftctl runs resume {RUN}", True),
        (RunOutcome("failed", "x", "train", compensations=2), "mftctl trigger Tiny", False),
    ],
)
def test_a_deployments_run_is_resumed_where_that_can_help(how: RunOutcome, words: str, resumes: bool) -> None:
    """After compensations a new run is what helps, and a run that had too little time needs more."""
    hint = after(_manifest("/nowhere"), RUN, how)
    assert words in hint
    assert ("resume" in hint) == resumes


def test_a_run_is_resumed_only_once_something_of_it_is_kept(tmp_path: Path) -> None:
    """`python FLOW.py resume` needs the parameters in the datastore: before, the run can only be made again."""
    manifest, failed = _manifest(str(tmp_path), own=True), RunOutcome("failed", "no such module", "start")
    assert "resume" not in after(manifest, RUN, failed, "dir/tiny.py")
    kept = tmp_path / "Tiny" / RUN / "_parameters" / ids.parameters_task_id()
    kept.mkdir(parents=True)
    assert "resume" not in after(manifest, RUN, failed, "dir/tiny.py")
    (kept / "0.DONE.lock").touch()
    resume = f"python 'my dir/tiny.py' resume --origin-run-id {RUN}"
    assert after(manifest, RUN, failed, "my dir/tiny.py") == f"once mended, go on from there: {resume}"
    assert (
        after(manifest, RUN, RunOutcome("terminated", "x"), "my dir/tiny.py") == f"go on from there: {resume}"
    )


def test_in_another_store_the_first_tasks_output_tells(tmp_path: Path) -> None:
    """Nothing is asked of a remote datastore for a hint."""
    manifest = _manifest(str(tmp_path), "s3", own=True)
    assert "resume" not in after(manifest, RUN, RunOutcome("failed", "x", "start"))
    assert "resume" in after(manifest, RUN, RunOutcome("failed", "x", "start", log=("printed",)))
    assert "resume" in after(manifest, RUN, RunOutcome("failed", "x", "end"))


def test_whoever_watches_anothers_own_run_is_told_the_same() -> None:
    """`runs watch` of a run of `mftctl run` does not offer `runs resume`, which would be refused."""
    manifest = replace(_manifest("/nowhere", "s3", own=True))
    assert "mftctl runs resume" not in after(manifest, RUN, RunOutcome("failed", "x", "end"))
