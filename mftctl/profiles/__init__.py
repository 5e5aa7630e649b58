"""Settings of a command: flags > MFTCTL_* > TEMPORAL_* > profile file > defaults (docs/reference/profiles.md).

``keys`` says what there is, ``document`` reads the file, ``settings`` resolves, ``editing`` writes.
"""

from .folders import APP, bundle_roots, cache_dir, config_file, data_dir, on_fallback, user_folder
from .keys import KEYS, Key
from .settings import Profile, Setting, Source, load

__all__ = [
    "APP",
    "KEYS",
    "Key",
    "Profile",
    "Setting",
    "Source",
    "bundle_roots",
    "cache_dir",
    "config_file",
    "data_dir",
    "load",
    "on_fallback",
    "user_folder",
]
