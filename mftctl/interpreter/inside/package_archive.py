"""Gets code packages from the datastore and unpacks them in this machine's cache."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile

from metaflow.package import MetaflowPackage

from ...model.manifest import Launch, Package
from . import s3
from .flow_datastore import flow_datastore
from .package_cache import is_whole, note_files, whole_files


def fetch(launch: Launch, folder: str) -> None:
    """Unpack a deployment's package from the datastore into ``folder``; OSError when S3 cannot be read."""
    problem = s3.problem(launch.package.url, there=True) if launch.datastore == "s3" else None
    if problem is not None:
        raise OSError(problem)
    for _, blob in flow_datastore(launch).load_data([launch.package.sha]):
        unpack(launch.package, blob, folder)


def unpack(package: Package, blob: bytes, folder: str) -> set[str]:
    """Unpack into ``folder``, which appears whole or not at all. Of two processes, the second leaves it as it is.

    A folder that has lost or changed files since is replaced. Returns the names of the files, whatever becomes of the
    folder meanwhile.
    """
    found = whole_files(folder)
    if found is not None:
        return found
    parent = os.path.dirname(folder)
    os.makedirs(parent, exist_ok=True)
    made = tempfile.mkdtemp(prefix=".unpacking-", dir=parent)
    try:
        backend = MetaflowPackage.get_backend(package.metadata)
        with backend.cls_open(io.BytesIO(blob)) as archive:
            backend.cls_extract_members(archive, dest_dir=made)
        found = note_files(made)
        _remove_broken(folder)
        os.rename(made, folder)
    except OSError:
        found = whole_files(folder)
        if found is None:
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return found


def _remove_broken(folder: str) -> None:
    """Remove a package that is not whole: no flow can run from it."""
    if is_whole(folder) or not os.path.isdir(folder):
        return
    broken = tempfile.mkdtemp(prefix=".unpacking-", dir=os.path.dirname(folder))
    with contextlib.suppress(FileNotFoundError):  # another process has just done it
        os.rename(folder, os.path.join(broken, "package"))
    shutil.rmtree(broken, ignore_errors=True)
