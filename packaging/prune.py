"""What an installed set of packages can do without in the zipapp.

Each entry of a zip file costs time at every start, and each byte at every download. Metadata (`*.dist-info`) stays:
Metaflow finds its extensions through it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

# The services of AWS that Metaflow asks (every `get_aws_client` and `boto3.client` in its source, S3 in `datatools`
# and `datastore` among them), and the ones that botocore's own credential providers ask: `aws sso login`, `aws login`.
AWS_SERVICES = {
    *("batch", "dynamodb", "events", "s3", "secretsmanager", "stepfunctions", "sts"),
    *("signin", "sso", "sso-oidc"),
}

# Whole folders, relative to site-packages.
FOLDERS = (
    "bin",  # console scripts of the dependencies, with the builder's paths in them
    "share",  # Metaflow's development stack
    "google-stubs",  # types-protobuf
    "boto3/examples",
    "temporalio/bridge/sdk-core",  # Rust sources of the extension module
    "temporalio/bridge/src",
)
FOLDER_NAMES = {"tests", "__pycache__"}
SUFFIXES = {".pyi", ".pyc", ".rs", ".proto"}
# Paths of the builder's machine (direct_url.json), the installer's own marks, and an installer's lock file.
FILE_NAMES = {"direct_url.json", "REQUESTED", "INSTALLER", "uv_cache.json", ".lock"}


def prune(site: Path) -> None:
    """Remove from `site` what mftctl, Metaflow and Temporal never read."""
    for folder in FOLDERS:
        shutil.rmtree(site / folder, ignore_errors=True)
    for package in ("botocore", "boto3"):
        for service in (site / package / "data").iterdir():
            # Files beside the services (endpoints, partitions, retries) serve all of them.
            if service.is_dir() and service.name not in AWS_SERVICES:
                shutil.rmtree(service)
    for path in sorted(site.rglob("*")):
        if path.is_dir() and path.name in FOLDER_NAMES:
            shutil.rmtree(path)
        elif path.is_file() and _is_needless(path):
            path.unlink()
    _refuse_path_files(site)


def _is_needless(path: Path) -> bool:
    return path.suffix in SUFFIXES or path.name in FILE_NAMES or _is_speedup_of_one_python(path)


def _is_speedup_of_one_python(path: Path) -> bool:
    """A compiled twin of a Python module, good for one minor version only: the file serves several."""
    return ".cpython-" in path.name and path.with_name(path.name.split(".", 1)[0] + ".py").exists()


def _refuse_path_files(site: Path) -> None:
    """Start-up puts the folder on sys.path without reading .pth files, which costs time: so there may be none."""
    if found := sorted(site.glob("*.pth")):
        raise RuntimeError(f"the zipapp's start does not read .pth files, and there are: {found}")
    if found := sorted(site.rglob("*.cpython-*")):
        raise RuntimeError(f"good for one Python version only: {found}")
