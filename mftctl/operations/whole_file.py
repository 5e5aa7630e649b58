"""Files that a command writes: checked before anything starts, and written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from ..model.errors import UsageError


def check_writable(file: Path | None, option: str) -> None:
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


def write_whole(file: Path, text: str) -> None:
    """Write the text; readers see the old file or the whole new one. OSError where that fails."""
    target = _target(file)
    if _is_special(target):
        target.write_text(text, encoding="utf-8")
        return
    descriptor, made = _beside(target)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as whole:
            whole.write(text)
            os.fchmod(descriptor, _mode(target))
        os.replace(made, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(made)
        raise


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
