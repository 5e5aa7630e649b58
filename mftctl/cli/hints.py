"""What to do after a run that did not complete: resuming is offered only where it is possible and can help."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from ..model import ids

if TYPE_CHECKING:
    from ..control.runs.outcome import RunOutcome
    from ..model.manifest import Launch, Manifest


def after(manifest: Manifest, run_id: str, how: RunOutcome, file: str | None = None) -> str:
    """The hint for a run of a deployment, or of `mftctl run`, whose flow is in ``file``."""
    if manifest.task_queue == ids.private_queue(run_id):
        return _after_own(manifest, run_id, how, file or manifest.launch.file)
    if how.compensations:
        return f"what its tasks did was undone; start a new run: mftctl trigger {manifest.deployment}"
    resume = f"mftctl runs resume {run_id}"
    if how.status == "timed_out":
        hint = f"with more time: {resume} --workflow-timeout TIME"
    elif how.status == "failed":
        hint = f"once mended: {resume} (with --latest-code after a new deploy)"
    else:
        hint = f"go on from there: {resume}"
    return f"its logs: mftctl runs logs {run_id} {how.step}; {hint}" if how.step else hint


def _after_own(manifest: Manifest, run_id: str, how: RunOutcome, file: str) -> str:
    """After `mftctl run`: Metaflow resumes it from the datastore, once its parameters are there."""
    if not _is_kept(manifest, run_id, how):
        return "it ended before anything was kept of it; once mended, run it again"
    when = "once mended, go on" if how.status == "failed" else "go on"
    return f"{when} from there: python {shlex.quote(file)} resume --origin-run-id {run_id}"


def _is_kept(manifest: Manifest, run_id: str, how: RunOutcome) -> bool:
    launch = manifest.launch
    if launch.datastore == "local":
        return os.path.exists(os.path.join(_parameters(launch, run_id), "0.DONE.lock"))
    # Elsewhere it is not worth a look: the first task that has come to print something has kept them.
    return how.step is None or how.step != manifest.start or bool(how.log)


def _parameters(launch: Launch, run_id: str) -> str:
    """The folder of the run's parameters in a local datastore."""
    return os.path.join(launch.datastore_root, launch.flow, run_id, "_parameters", ids.parameters_task_id())
