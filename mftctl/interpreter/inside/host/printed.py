"""What a flow prints while it is imported, caught so that it stands in each task's log once."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import IO, Optional


class Printed:
    """Catches what this process prints, from its making to `stop`."""

    def __init__(self) -> None:
        self._caught: Optional[tuple[bytes, bytes]] = None
        sys.stdout.flush()
        sys.stderr.flush()
        self._saved = (os.dup(1), os.dup(2))
        # Without a name, so that nothing is left when this process is killed.
        self._files: tuple[IO[bytes], ...] = tuple(tempfile.TemporaryFile() for _ in (1, 2))  # noqa: SIM115
        for fd, file in zip((1, 2), self._files):
            os.dup2(file.fileno(), fd)

    def stop(self) -> tuple[bytes, bytes]:
        """Print as before again; what was caught of stdout and stderr."""
        if self._caught is not None:
            return self._caught
        sys.stdout.flush()
        sys.stderr.flush()
        caught = []
        for fd, saved, file in zip((1, 2), self._saved, self._files):
            os.dup2(saved, fd)
            os.close(saved)
            file.seek(0)
            caught.append(file.read())
            file.close()
        self._caught = caught[0], caught[1]
        return self._caught

    def release(self) -> None:
        """Stop, and print what was caught; nothing where it was stopped already."""
        if self._caught is not None:
            return
        for fd, caught in zip((1, 2), self.stop()):
            with open(fd, "wb", closefd=False) as stream:
                stream.write(caught)
