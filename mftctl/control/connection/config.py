"""Temporal's own configuration, the file temporal.toml and the variables TEMPORAL_*, read as `temporal` does.

The rules are those of its `cliext/client.go` and of the `envconfig` of Temporal's SDKs. The file is read with
`temporalio.envconfig`; variables are applied here, because the SDK accepts an empty one as a value, does not know
the older names of the TLS variables, and does not tell which variable a value came from.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...model.errors import MftctlError, UsageError
from ...profiles.document import parse
from ...profiles.keys import suggest
from ...profiles.settings import Setting, Source

if TYPE_CHECKING:
    from temporalio.envconfig import ClientConfigProfile

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
    file = config_file()
    if not os.path.exists(file) and named.value is None:
        return TemporalConfig()
    name = named.value or DEFAULT_PROFILE
    profiles = _profiles(file)
    found = profiles.get(name)
    if found is None:
        if named.value is None:
            return TemporalConfig()
        raise UsageError(
            f"there is no profile '{name}' in {file} ({named.source})",
            code="temporal.profile",
            hint=suggest(name, profiles) or "create it with: temporal config set",
        )
    return _settings_of(file, name, found)


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


def _profiles(file: Path) -> dict[str, ClientConfigProfile]:
    from temporalio.envconfig import ClientConfig  # 10 ms of each command, for users with a temporal.toml

    parse(file)  # its error names the line that is not TOML
    try:
        return dict(ClientConfig.load(config_source=file).profiles)
    except RuntimeError as error:
        raise _invalid(file, str(error)) from error


def _settings_of(file: Path, name: str, found: ClientConfigProfile) -> TemporalConfig:
    taken = TemporalConfig(meta=dict(found.grpc_meta))

    def take(setting: str, value: Any, *path: str) -> None:
        if value is not None:
            taken.settings[setting] = Setting(value, Source("temporal", name, file, ("profile", name, *path)))

    take("address", found.address, "address")
    take("temporal_namespace", found.namespace, "namespace")
    take("api_key", found.api_key, "api_key")
    tls = found.tls
    if tls is not None:
        taken.tls_present = True
        take("tls", None if tls.disabled is None else not tls.disabled, "tls", "disabled")
        take("tls_server_name", tls.server_name, "tls", "server_name")
        for setting, key, given in (
            ("tls_ca", "server_ca_cert", tls.server_root_ca_cert),
            ("tls_cert", "client_cert", tls.client_cert),
            ("tls_key", "client_key", tls.client_private_key),
        ):
            if isinstance(given, Path):
                # An empty path means none; the SDK turns it into the current folder.
                take(setting, "" if given == Path() else str(given), "tls", f"{key}_path")
            else:
                text = given.decode() if isinstance(given, bytes) else given
                take(f"{setting}_data", text, "tls", f"{key}_data")
    # The SDK drops this setting.
    raw = parse(file)["profile"][name].get("tls") or {}
    taken.unverified = raw.get("disable_host_verification") is True
    return taken


def _invalid(file: Path, message: str) -> MftctlError:
    """The parser's error without the lines that it quotes, which may contain a key."""
    line = re.search(r"at line (\d+)", message)
    where = f"{file}:{line[1]}" if line else str(file)
    reason = re.sub(
        r"`[^`]*`|\"[^\"]*\"", "", message.strip().splitlines()[-1].removeprefix("Invalid configuration: ")
    )
    return UsageError(f"{where}: {' '.join(reason.split())}", code="temporal.config")
