"""Which Python runs a flow."""

from __future__ import annotations

import os
import sys

from .. import profiles
from ..model.errors import Exit, MftctlError


def flow_interpreter(profile: profiles.Profile, given: str | None = None) -> str:
    """The flow's interpreter: the ``given``, MFTCTL_PYTHON, the profile's, the virtual environment's, or ours."""
    named = profile.setting("python", given)
    if named.value is not None:
        return _absolute(named.value, named.source)
    active = os.environ.get("VIRTUAL_ENV")
    if active:
        python = os.path.join(active, "bin", "python")
        if os.access(python, os.X_OK):
            return python
    return sys.executable


def _absolute(python: str, source: profiles.Source) -> str:
    import shutil

    found = shutil.which(os.path.expanduser(python))
    if found is None:
        raise MftctlError(
            f"there is no interpreter {python} ({source})",
            exit=Exit.USAGE,
            code="python.missing",
            hint="name another with --python",
        )
    # Not resolved: an interpreter in a virtual environment is a link whose place makes it what it is.
    return os.path.abspath(found)
