"""Settings of a command: flags > MFTCTL_* > TEMPORAL_* > profile file > defaults (docs/reference/profiles.md).

``keys`` defines the keys, ``document`` reads the file, ``settings`` finds the value in force, ``editing`` writes the
file, ``folders`` are the folders of this machine.
"""

from .folders import APP, bundle_roots, cache_dir, config_file, data_dir, on_temporary_folder, user_folder
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
    "on_temporary_folder",
    "user_folder",
]
