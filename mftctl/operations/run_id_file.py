"""The file of ``--run-id-file``: checked before anything starts, written before the run starts."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from ..console.output import event, say
from ..model.errors import MftctlError, UsageError


def check_writable(file: Path | None, option: str = "--run-id-file") -> None:
    """Raise a usage error if the file of an option cannot be written. Does not change the file."""
    if file is None:
        return
    target = _target(file)
    try:
        if target.is_dir():
            raise IsADirectoryError(0, "is a folder")
        if _is_special(target):
            if not os.access(target, os.W_OK):
                raise PermissionError(0, "cannot be written")
            return
        descriptor, made = _beside(target)
        os.close(descriptor)
        os.unlink(made)
    except OSError as error:
        raise UsageError(
            f"{option} {file}: {error.strerror}", hint="name a file in a folder that can be written"
        ) from error


def write_run_id(file: Path | None, run_id: str) -> None:
    """Write the run id alone, as `python flow.py run` does; readers see the old file or the whole new one."""
    if file is None:
        return
    target = _target(file)
    try:
        if _is_special(target):
            target.write_text(run_id, encoding="utf-8")
            return
        descriptor, made = _beside(target)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as whole:
                whole.write(run_id)
                os.fchmod(descriptor, _mode(target))
            os.replace(made, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(made)
            raise
    except OSError as error:
        raise MftctlError(
            f"--run-id-file {file}: {error.strerror}; run {run_id} was not started", code="file.write"
        ) from error


def announce(run_id: str, file: Path | None) -> None:
    """Write the id of a run to ``file`` and print it, before the server is asked to start the run."""
    write_run_id(file, run_id)
    say(f"starting run {run_id}")
    event({"event": "run_starting", "run_id": run_id})


def _target(file: Path) -> Path:
    """The file that a link points to, so that the link stays; a special file such as /dev/fd/3 itself."""
    return file if _is_special(file) else Path(os.path.realpath(file))


def _beside(target: Path) -> tuple[int, str]:
    return tempfile.mkstemp(prefix=f".{target.name[:50]}-", dir=target.parent)


def _is_special(target: Path) -> bool:
    """A pipe, a terminal or the like, which no new file may replace: /dev/stdout, /dev/fd/3."""
    return target.exists() and not target.is_file()


def _mode(target: Path) -> int:
    """The mode of the file, or of a new one."""
    with suppress(OSError):
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
