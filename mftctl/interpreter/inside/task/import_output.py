"""Captures what a flow prints while it is imported, so that each task's log has it once."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import IO, Optional


class ImportOutput:
    """Captures what this process prints, from its creation to ``stop``."""

    def __init__(self) -> None:
        self._captured: Optional[tuple[bytes, bytes]] = None
        sys.stdout.flush()
        sys.stderr.flush()
        self._saved = (os.dup(1), os.dup(2))
        # Files without a name: nothing is left when this process is killed.
        self._files: tuple[IO[bytes], ...] = tuple(tempfile.TemporaryFile() for _ in (1, 2))  # noqa: SIM115
        for fd, file in zip((1, 2), self._files):
            os.dup2(file.fileno(), fd)

    def stop(self) -> tuple[bytes, bytes]:
        """Print as before; the captured bytes of stdout and stderr."""
        if self._captured is not None:
            return self._captured
        sys.stdout.flush()
        sys.stderr.flush()
        captured = []
        for fd, saved, file in zip((1, 2), self._saved, self._files):
            os.dup2(saved, fd)
            os.close(saved)
            file.seek(0)
            captured.append(file.read())
            file.close()
        self._captured = captured[0], captured[1]
        return self._captured

    def release(self) -> None:
        """Stop, and print what was captured; without effect after ``stop``."""
        if self._captured is not None:
            return
        for fd, captured in zip((1, 2), self.stop()):
            with open(fd, "wb", closefd=False) as stream:
                stream.write(captured)
