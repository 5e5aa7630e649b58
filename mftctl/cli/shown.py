"""The settings in force as `profile show` and `doctor` show them: no secret, and where each came from."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ..profiles import KEYS, Profile, Setting, Source
from .interpreter import flow_interpreter
from .options import Connection

#: Defaults of keys, by their kind, that have none of their own.
_DEFAULTS = {"switch": "false", "list": "none", "words": "none", "duration": "none"}


def rows(connection: Connection, profile: Profile) -> list[dict[str, Any]]:
    """Each setting as JSON values: ``key``, ``value``, ``set`` and ``source``; what may be secret has no value."""
    return [_shown(key, setting) for key, setting in _in_force(connection, profile)]


def text(row: dict[str, Any]) -> tuple[str, str, str]:
    """A row for people: key, value and source."""
    return row["key"], _text(row), _source_text(row["source"])


def _in_force(connection: Connection, profile: Profile) -> list[tuple[str, Setting]]:
    """Settings by key: those of the connection as Temporal's variables and file have them too."""
    from ..control.connection.endpoint import NAMES, settings
    from .session import embedded_address, names_server

    found = settings(profile, connection.address, connection.temporal_namespace)
    if not names_server(connection, profile) and (running := embedded_address()) is not None:
        found["address"] = Setting(running, Source("default", "the embedded server"))
    shown = [(name, found.get(name) or found.get(f"{name}_data") or Setting()) for name in NAMES]
    keys = [key.name for key in KEYS.values() if key.section != "connection"]
    python = profile.setting("python")
    if python.value is None:
        python = Setting(flow_interpreter(profile))
    return shown + [(key, python if key == "python" else profile.setting(key)) for key in keys]


def _shown(key: str, setting: Setting) -> dict[str, Any]:
    """A row; of what is or may be secret no value is in it."""
    from ..control.connection.endpoint import UnsetVariable

    value, is_set = setting.value, setting.value is not None
    if isinstance(value, UnsetVariable):
        value, is_set = f"${value.variable} is not set", False
    elif key == "api_key" or (key in {"tls_cert", "tls_key", "tls_ca"} and "-----BEGIN" in str(value)):
        value = None
    elif key == "notify_url" and value is not None:
        value = [without_secrets(url) for url in value]
    return {"key": key, "value": value, "set": is_set, "source": setting.source.to_plain()}


def without_secrets(url: str) -> str:
    """Scheme and host: the rest of such a URL is often what allows to post there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}/…"


def _text(row: dict[str, Any]) -> str:
    value = row["value"]
    if value is None:
        return "(set)" if row["set"] else _default(row["key"])
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _default(name: str) -> str:
    key = KEYS.get(name)
    return "" if key is None else key.default or _DEFAULTS.get(key.kind, "")


def _source_text(source: dict[str, str | None]) -> str:
    name, place = source["name"] or source["kind"] or "", source["place"]
    told = {"profile": f"profile {name}", "temporal": f"Temporal's profile {name}"}.get(
        source["kind"] or "", name
    )
    return f"{told} ({place})" if place else told
