"""A version of workers, as Temporal's worker versioning knows it: runs stay on the version that they began on."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: The name that versions of workers share, unless they are given another.
DEFAULT_NAME = "mftctl"
#: Temporal's worker controller for Kubernetes makes NAMESPACE/NAME of it.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_/-]{0,199}")
_BUILD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,149}")


@dataclass(frozen=True)
class WorkerVersion:
    """A worker deployment version of Temporal: ``name`` of the worker deployment, and ``build``, its build id."""

    name: str
    build: str

    def __str__(self) -> str:
        """``NAME:BUILD``, as in Temporal's search attributes."""
        return f"{self.name}:{self.build}"

    @classmethod
    def parse(cls, text: str) -> WorkerVersion:
        """The version of ``BUILD`` or ``NAME:BUILD``; ValueError with the reason for any other text."""
        before, colon, build = text.rpartition(":")
        name = before if colon else DEFAULT_NAME
        if not _NAME.fullmatch(name):
            raise ValueError(f"the name '{name}' is not made of up to 200 letters, digits, - _ and /")
        if not _BUILD.fullmatch(build):
            raise ValueError(f"the build id '{build}' is not made of up to 150 letters, digits, - _ . and +")
        return cls(name, build)
