"""Unexpected errors: keep the traceback in a file for a bug report."""

from __future__ import annotations

import errno
import os
import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from .. import __version__
from ..model.errors import MftctlError, UsageError
from ..profiles.folders import user_folder

#: Errors of a disk: not a bug of mftctl.
DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO})


def report(error: Exception) -> MftctlError:
    """The error to show instead of a traceback, which is written to a log file unless a disk has failed."""
    if isinstance(error, OSError) and error.errno in DISK:
        return MftctlError(f"{error.filename or 'the output'}: {error.strerror}", code="disk")
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        # Bytes of an argument that are no text; the server and files get none.
        return UsageError(f"not valid UTF-8: {error.object[:100]!a}", hint="write names and values in UTF-8")
    if isinstance(error, FileNotFoundError) and (gone := folder_gone()):
        return gone
    if "temporalio.service" in sys.modules:
        from ..control.connection.connect import server_error

        refusal = server_error(error)
        if refusal is not None:
            return refusal
    now = datetime.now(UTC)
    # Not the arguments: a parameter's value may be a secret.
    words = " ".join(word for word in sys.argv[1:2] if not word.startswith("-"))
    system = f"Python {platform.python_version()}, {platform.platform()}"
    head = f"mftctl {__version__} {words}, {system}, {now.isoformat()}\n"
    text = head + "".join(traceback.format_exception(error))
    path = _write(text, f"crash-{now:%Y%m%dT%H%M%S}-{os.getpid()}.log")
    what = " ".join(f"{type(error).__name__}: {error}".split())
    hint = f"this is a bug of mftctl; please report it with {path}" if path else "this is a bug of mftctl"
    return MftctlError(f"unexpected error: {what}", code="internal", hint=hint)


def folder_gone() -> MftctlError | None:
    """The error of a working folder that was deleted under this process; None if it is there."""
    try:
        os.getcwd()
    except FileNotFoundError:
        hint = "change to one that exists, such as: cd ~"
        return UsageError("the current folder has been deleted", code="folder.missing", hint=hint)
    return None


def _write(text: str, name: str) -> Path | None:
    for folder in (Path(user_folder("log")), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / name
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            continue
        return path
    return None
