"""The Temporal server to connect to, merged from flags, variables, the profile and Temporal's own file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...model.errors import UnreachableError, UsageError
from ...profiles import Profile, Setting, Source
from . import config

DEFAULT_ADDRESS = "localhost:7233"
DEFAULT_NAMESPACE = "default"
#: The settings of a connection, in the order in which they are shown.
NAMES = (
    "address",
    "temporal_namespace",
    "temporal_profile",
    "api_key",
    "tls",
    "tls_ca",
    "tls_cert",
    "tls_key",
    "tls_server_name",
)


@dataclass(frozen=True)
class Pem:
    """Certificates or a key; ``name`` says where they come from."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Endpoint:
    """A Temporal server and namespace.

    ``tls``: use TLS; ``unverified``: Temporal's configuration asks not to verify the server's certificate, which the
    SDK cannot do. ``sources``: where each setting comes from; ``meta``: headers of each call.
    """

    address: str
    temporal_namespace: str = DEFAULT_NAMESPACE
    tls: bool = False
    ca: Pem | None = None
    cert: Pem | None = None
    key: Pem | None = None
    server_name: str | None = None
    api_key: str | None = field(default=None, repr=False)
    meta: dict[str, str] = field(default_factory=dict, repr=False)
    unverified: bool = False
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The host of the address, an IPv6 address without its brackets."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port of the address."""
        return int(self.address.rpartition(":")[2])


@dataclass(frozen=True)
class UnsetVariable:
    """Stands for an API key whose variable is not set."""

    variable: str


def settings(
    profile: Profile, address: str | None = None, temporal_namespace: str | None = None
) -> dict[str, Setting]:
    """The settings of the connection, unchecked, by their names in NAMES, or with ``_data`` appended."""
    return _merged(profile, address, temporal_namespace)[0]


def resolve(profile: Profile, address: str | None = None, temporal_namespace: str | None = None) -> Endpoint:
    """The endpoint; MftctlError when, for example, a certificate cannot be read or a key's variable is not set."""
    found, temporal = _merged(profile, address, temporal_namespace)
    values = {name: setting.value for name, setting in found.items()}
    cert, key = _pem(found, "tls_cert", b"CERTIFICATE"), _pem(found, "tls_key", b"PRIVATE KEY")
    if (cert is None) != (key is None):
        given, missing = ("tls_cert", "tls_key") if key is None else ("tls_key", "tls_cert")
        source = next(found[one].source for one in _path_and_data(given) if one in found)
        raise UsageError(
            f"{given} is set ({source}), but {missing} is not",
            code="temporal.tls.incomplete",
            hint="set both the client certificate and its private key",
        )
    api_key = values.get("api_key")
    if isinstance(api_key, UnsetVariable):
        raise UnreachableError(
            f"${api_key.variable}, the variable of the API key, is not set ({found['api_key'].source})",
            code="temporal.key",
            hint=f"export {api_key.variable}",
        )
    namespace = str(values["temporal_namespace"])
    return Endpoint(
        address=valid_address(str(values["address"]), namespace, found["address"].source),
        temporal_namespace=namespace,
        tls=bool(values.get("tls")),
        ca=_pem(found, "tls_ca", b"CERTIFICATE"),
        cert=cert,
        key=key,
        server_name=values.get("tls_server_name"),
        api_key=api_key,
        meta=temporal.meta,
        unverified=temporal.unverified,
        sources={name: setting.source for name, setting in found.items()},
    )


def valid_address(address: str, namespace: str, source: Source) -> str:
    """HOST:PORT, with ``${namespace}`` replaced, as `temporal` does it; MftctlError with exit code 2 if it is none."""
    address = address.replace("${namespace}", namespace)
    if (
        re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):\d{1,5}", address)
        and 0 < int(address.rpartition(":")[2]) < 65536
    ):
        return address
    hint = "write it as HOST:PORT, such as localhost:7233"
    if "://" in address:
        hint = "remove the scheme; TLS is `tls = true` in the profile, or TEMPORAL_TLS=true"
    raise UsageError(
        f"'{address}' is not the address of a Temporal server ({source})", code="temporal.address", hint=hint
    )


def _merged(
    profile: Profile, address: str | None, temporal_namespace: str | None
) -> tuple[dict[str, Setting], config.TemporalConfig]:
    """Each setting from the first that has it: flag, MFTCTL_*, TEMPORAL_*, the profile, temporal.toml, default."""
    named = (
        profile.override("temporal_profile")
        or config.profile_setting()
        or profile.own("temporal_profile")
        or Setting()
    )
    file = config.from_file(named)
    temporal = config.from_variables(file)
    found = {**file.settings, **temporal.settings}
    for name, setting in _own_settings(profile.own):
        by_variable = [temporal.settings[one] for one in _path_and_data(name) if one in temporal.settings]
        if all(one.value == "" for one in by_variable):
            _replace(found, name, setting)
    flags = {"address": address, "temporal_namespace": temporal_namespace}
    for name, setting in _own_settings(lambda key: profile.override(key, flags.get(key))):
        _replace(found, name, setting)
    implying = [setting for name, setting in found.items() if name.startswith("tls_")]
    # An empty variable removes the value of Temporal's file.
    found = {name: setting for name, setting in found.items() if setting.value != ""}
    implying += [found["api_key"]] if "api_key" in found else []
    if implying or temporal.tls_present:
        implied = implying[0].source if implying else Source("default", "implied by other TLS settings")
        found.setdefault("tls", Setting(True, implied))
    found.setdefault("address", Setting(DEFAULT_ADDRESS))
    found.setdefault("temporal_namespace", Setting(DEFAULT_NAMESPACE))
    if named.value is not None:
        found["temporal_profile"] = named
    return found, temporal


def _own_settings(get: Callable[[str], Setting | None]) -> Iterator[tuple[str, Setting]]:
    """The settings of a layer of mftctl; the API key is the value of the variable that it names."""
    for name in ("address", "temporal_namespace", "tls", "tls_ca", "tls_cert", "tls_key", "tls_server_name"):
        setting = get(name)
        if setting is not None:
            yield name, setting
    setting = get("api_key_env")
    if setting is not None:
        key = os.environ.get(setting.value, "").strip()
        yield "api_key", Setting(key or UnsetVariable(setting.value), setting.source)


def _replace(found: dict[str, Setting], name: str, setting: Setting) -> None:
    for other in _path_and_data(name):
        found.pop(other, None)
    found[name] = setting


def _path_and_data(name: str) -> tuple[str, str]:
    """The names of a setting as a path, and as the data itself, which Temporal's configuration may have."""
    return name, f"{name}_data"


def _pem(found: dict[str, Setting], name: str, kind: bytes) -> Pem | None:
    path, data = (found.get(one) for one in _path_and_data(name))
    if path is not None and data is not None:
        raise UsageError(
            f"{name} is set twice, as a path ({path.source}) and as data ({data.source})",
            code="temporal.tls.twice",
            hint="remove one of them",
        )
    given = path or data
    if given is None:
        return None
    what = f"{name} of {given.source}" if path is None else f"{path.value} ({name} of {path.source})"
    problem = ""
    content = b""
    try:
        content = Path(path.value).read_bytes() if path is not None else str(given.value).encode()
    except OSError as error:
        problem = str(error.strerror)
    if not problem and (b"-----BEGIN " not in content or kind not in content):
        problem = f"it contains no {kind.decode().lower()}"
    elif b"ENCRYPTED" in content:
        problem = "the private key is encrypted, and mftctl cannot ask for its password"
    if problem:
        hint = "use PEM, text that begins with -----BEGIN"
        raise UnreachableError(f"{what}: {problem}", code="temporal.tls.file", hint=hint)
    return Pem(str(path.value) if path is not None else what, content)
