"""Where mftctl keeps things on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

APP = "mftctl"


def config_file() -> Path:
    """The configuration file: $MFTCTL_CONFIG, or config.toml in the user's configuration folder."""
    named = os.environ.get("MFTCTL_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir(APP)) / "config.toml"


def cache_dir() -> Path:
    """Where code packages are unpacked: $MFTCTL_CACHE or the user's cache folder."""
    named = os.environ.get("MFTCTL_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir(APP))


def data_dir() -> Path:
    """Where the embedded server keeps its history: $MFTCTL_DATA or the user's data folder."""
    named = os.environ.get("MFTCTL_DATA")
    return Path(named) if named else Path(platformdirs.user_data_dir(APP))


def bundle_roots() -> list[Path]:
    """Where the zipapp may have unpacked itself (packaging/start/mftctl_bundle.py looks in the same places)."""
    import tempfile

    named = os.environ.get("SHIV_ROOT")
    if named:
        return [Path(os.path.abspath(os.path.expanduser(named)))]
    return [
        Path(platformdirs.user_cache_dir(APP)) / "bundles",
        Path(tempfile.gettempdir()) / f"{APP}-{os.geteuid()}",
    ]
