"""Containers of the stand-ins for clusters: processes with a folder, a home and an environment of their own.

A container's image is a folder whose `python` has boto3 and nothing of Metaflow, and its machine's role lets it reach
the object store. It sees neither the worker's folders nor its variables.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import venv
from dataclasses import dataclass
from pathlib import Path

#: What Metaflow's backends install in an image first, when it is not there.
IMAGE_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
IMAGE_PACKAGES += ("requests", "certifi", "idna", "charset_normalizer")


def make_image(folder: Path) -> Path:
    """Make the folder of an image's programs."""
    import boto3

    venv.create(folder, symlinks=True)
    made = next(folder.glob("lib/python*/site-packages"))
    for name in IMAGE_PACKAGES:
        (made / name).symlink_to(Path(boto3.__file__).parent.parent / name)
    return folder / "bin"


@dataclass(frozen=True)
class Container:
    """A container that has been started, and the file of what it printed."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def exit_code(self) -> int | None:
        """Its exit code, None while it runs."""
        code = self.process.poll()
        return code if code is None or code >= 0 else 128 - code

    def kill(self) -> None:
        """Kill all that runs in it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Containers:
    """A machine that runs containers in folders below ``root``; ``role``: what its programs may reach.

    While ``held``, a container does nothing instead of what it should, until it is killed.
    """

    def __init__(self, root: Path, image: Path, role: dict[str, str]) -> None:
        self.held = False
        self._root = root
        self._image = image
        self._role = role
        self._started: list[Container] = []
        self._lock = threading.Lock()

    def start(self, name: str, command: list[str], env: dict[str, str]) -> Container:
        """Run a command."""
        folder = self._root / name
        (folder / "home").mkdir(parents=True)
        base = {"PATH": f"{self._image}:/usr/bin:/bin", "HOME": str(folder / "home"), "LANG": "C.UTF-8"}
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                ["sleep", "600"] if self.held else command,
                cwd=folder / "home",
                env={**base, **self._role, "METAFLOW_SKIP_INSTALL_DEPENDENCIES": "1", **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        container = Container(process, folder)
        with self._lock:
            self._started.append(container)
        return container

    def close(self) -> None:
        """Kill what still runs."""
        for container in self._started:
            container.kill()
