"""Temporal's own configuration, the file temporal.toml and the variables TEMPORAL_*, read as `temporal` does.

The rules are those of its `cliext/client.go`. The `envconfig` of Temporal's SDK is not used: it accepts an empty
variable as a value, does not know the older names of the TLS variables, drops `disable_host_verification`, quotes the
lines of a wrong file, which may contain a key, and does not tell where a value came from.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...model.errors import UsageError
from ...profiles.document import invalid, parse
from ...profiles.keys import suggest
from ...profiles.settings import Setting, Source

DEFAULT_PROFILE = "default"
#: Settings and the variables that set them; the older name, which comes last, wins if it is set.
_VARIABLES = {
    "address": ("TEMPORAL_ADDRESS",),
    "temporal_namespace": ("TEMPORAL_NAMESPACE",),
    "api_key": ("TEMPORAL_API_KEY",),
    "tls_ca": ("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "TEMPORAL_TLS_CA"),
    "tls_ca_data": ("TEMPORAL_TLS_SERVER_CA_CERT_DATA", "TEMPORAL_TLS_CA_DATA"),
    "tls_cert": ("TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CERT"),
    "tls_cert_data": ("TEMPORAL_TLS_CLIENT_CERT_DATA", "TEMPORAL_TLS_CERT_DATA"),
    "tls_key": ("TEMPORAL_TLS_CLIENT_KEY_PATH", "TEMPORAL_TLS_KEY"),
    "tls_key_data": ("TEMPORAL_TLS_CLIENT_KEY_DATA", "TEMPORAL_TLS_KEY_DATA"),
    "tls_server_name": ("TEMPORAL_TLS_SERVER_NAME",),
}
#: Settings and their places in a profile of the file.
_PLACES = {
    "address": ("address",),
    "temporal_namespace": ("namespace",),
    "api_key": ("api_key",),
    "tls": ("tls", "disabled"),
    "tls_ca": ("tls", "server_ca_cert_path"),
    "tls_ca_data": ("tls", "server_ca_cert_data"),
    "tls_cert": ("tls", "client_cert_path"),
    "tls_cert_data": ("tls", "client_cert_data"),
    "tls_key": ("tls", "client_key_path"),
    "tls_key_data": ("tls", "client_key_data"),
    "tls_server_name": ("tls", "server_name"),
}
_TRUTH = {"1": True, "true": True, "0": False, "false": False}
_META = "TEMPORAL_GRPC_META_"


@dataclass
class TemporalConfig:
    """The settings of Temporal's configuration, by their names in a profile of mftctl.

    ``tls_present``: some TLS setting exists, which enables TLS. ``unverified``: the configuration asks not to verify
    the server's certificate. ``meta``: request headers; their values may be secret.
    """

    settings: dict[str, Setting] = field(default_factory=dict)
    tls_present: bool = False
    unverified: bool = False
    meta: dict[str, str] = field(default_factory=dict)


def config_file() -> Path:
    """Temporal's configuration file: $TEMPORAL_CONFIG_FILE or temporal.toml in the user's configuration folder."""
    named = os.environ.get("TEMPORAL_CONFIG_FILE")
    if named:
        return Path(named)
    if sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(os.path.expanduser(base)) / "temporalio" / "temporal.toml"


def from_file(named: Setting) -> TemporalConfig:
    """The settings of the profile ``named``, or ``default``, in the file; MftctlError when it does not exist."""
    file, name = config_file(), named.value or DEFAULT_PROFILE
    profiles = _table(file, parse(file), "profile")
    if name in profiles:
        return _settings_of(file, name, _table(file, profiles, "profile", name))
    if named.value is None:
        return TemporalConfig()
    raise UsageError(
        f"there is no profile '{name}' in {file} ({named.source})",
        code="temporal.profile",
        hint=suggest(name, profiles) or "create it with: temporal config set",
    )


def from_variables(base: TemporalConfig) -> TemporalConfig:
    """The settings of the variables; headers and TLS switches that they do not set are those of ``base``."""
    found = TemporalConfig(tls_present=base.tls_present, unverified=base.unverified, meta=dict(base.meta))
    for name, (variable, *older) in _VARIABLES.items():
        if variable in os.environ:
            found.settings[name] = Setting(os.environ[variable].strip(), Source("variable", variable))
            found.tls_present |= name.startswith("tls_")
        for old in older:
            if os.environ.get(old):
                found.settings[name] = Setting(os.environ[old].strip(), Source("variable", old))
                found.tls_present = True
    switch = _TRUTH.get(os.environ.get("TEMPORAL_TLS", "").lower())
    if switch is not None:
        found.settings["tls"] = Setting(switch, Source("variable", "TEMPORAL_TLS"))
    unverified = _TRUTH.get(os.environ.get("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION", "").lower())
    if unverified is not None:
        found.unverified = unverified
        found.tls_present = True
    for variable, value in os.environ.items():
        if variable.startswith(_META):
            header = variable.removeprefix(_META).lower().replace("_", "-")
            found.meta.pop(header, None)
            if value:
                found.meta[header] = value
    return found


def profile_setting() -> Setting | None:
    """The value of $TEMPORAL_PROFILE."""
    name = os.environ.get("TEMPORAL_PROFILE")
    return Setting(name, Source("variable", "TEMPORAL_PROFILE")) if name else None


def _settings_of(file: Path, name: str, profile: dict[str, Any]) -> TemporalConfig:
    tls = _table(file, profile, "profile", name, "tls")
    meta = _table(file, profile, "profile", name, "grpc_meta")
    found = TemporalConfig(
        tls_present="tls" in profile,
        unverified=tls.get("disable_host_verification") is True,
        meta={header.lower().replace("_", "-"): str(value) for header, value in meta.items()},
    )
    for setting, (*outer, key) in _PLACES.items():
        value, path = (tls if outer else profile).get(key), ("profile", name, *outer, key)
        if value is None:
            continue
        if not isinstance(value, bool if key == "disabled" else str):
            expected = "true or false" if key == "disabled" else "a text"
            raise invalid(file, path, f"{key} must be {expected}", "temporal.config")
        given = not value if key == "disabled" else value
        found.settings[setting] = Setting(given, Source("temporal", name, file, path))
    return found


def _table(file: Path, within: dict[str, Any], *path: str) -> dict[str, Any]:
    """The table at the end of the path, which is ``within`` another; {} if there is none."""
    value = within.get(path[-1], {})
    if not isinstance(value, dict):
        raise invalid(file, path, f"{path[-1]} must be a table", "temporal.config")
    return value
