"""Unpack the bundle, once for each build and cache folder."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

# shiv's: under a lock, into a folder beside, renamed into place when whole.
from _bootstrap import extract_site_packages
from mftctl_bundle import NAME, is_safe, roots, say, temporary_root


def unpack() -> str:
    """Unpack it to the first folder that can be used, and give its path; where there is none, say so and exit 1."""
    failures = []
    for root in roots():
        bundle = os.path.join(root, NAME)
        try:
            os.makedirs(root, mode=0o700 if root == temporary_root() else 0o777, exist_ok=True)
            if not is_safe(root):
                failures.append(f"{root} may be written by others")
                continue
            if not os.access(root, os.W_OK | os.X_OK):
                failures.append(f"{root} is not writable")
                continue
            say(f"first start: unpacking to {bundle}")
            _extract(bundle)
        except OSError as error:
            failures.append(f"{error.filename or root}: {error.strerror or error}")
        else:
            return bundle
    say(f"nowhere to unpack to ({'; '.join(failures)}): set SHIV_ROOT to a folder that can be written")
    sys.exit(1)


def _extract(bundle: str) -> None:
    with (
        zipfile.ZipFile(sys.path[0]) as whole,
        whole.open("site-packages.zip") as packages,
        zipfile.ZipFile(packages) as archive,
    ):
        extract_site_packages(archive, Path(bundle))
