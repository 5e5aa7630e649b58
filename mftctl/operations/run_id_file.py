"""The file of ``--run-id-file``: checked before anything starts, written before the run starts."""

from __future__ import annotations

from pathlib import Path

from ..console.output import event, say
from ..model.errors import MftctlError
from . import whole_file


def check_writable(file: Path | None) -> None:
    """Raise a usage error if the file cannot be written. Does not change the file."""
    whole_file.check_writable(file, "--run-id-file")


def write_run_id(file: Path | None, run_id: str) -> None:
    """Write the run id alone, as `python flow.py run` does; readers see the old file or the whole new one."""
    if file is None:
        return
    try:
        whole_file.write_whole(file, run_id)
    except OSError as error:
        raise MftctlError(
            f"--run-id-file {file}: {error.strerror}; run {run_id} was not started", code="file.write"
        ) from error


def announce(run_id: str, file: Path | None) -> None:
    """Write the id of a run to ``file`` and print it, before the server is asked to start the run."""
    write_run_id(file, run_id)
    say(f"starting run {run_id}")
    event({"event": "run_starting", "run_id": run_id})
