"""What the commands of profiles do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ..console.output import Result
from ..console.text import parse_duration
from ..control.connection.endpoint import NAMES, UnsetVariable, settings, valid_address
from ..local import devserver
from ..model.errors import MftctlError, UsageError
from ..model.urls import without_secrets
from ..profiles import KEYS, Key, Profile, Setting, Source, config_file, document, editing
from ..profiles.keys import suggest
from ..profiles.settings import chosen_name
from ..results import profile_results
from .command_options import Connection, flow_interpreter
from .deploy_options import check_urls
from .machine_options import check_size
from .server_choice import names_server
from .worker_options import version_of


def list_() -> Result[list[profile_results.Profile]]:
    """The profiles of the configuration file."""
    file = config_file()
    content = document.read(file)
    current, _ = chosen_name(content, None)
    rows = [
        profile_results.Profile(
            name=name,
            current=name == current,
            default=name == content.get("default_profile"),
            address=address if isinstance(address := values.get("address"), str) else None,
            problem=_problem(name, values),
        )
        for name, values in content.get("profiles", {}).items()
    ]
    note = f"there is no profile in {file}; make one with: mftctl profile set NAME key=value"
    return Result(rows, profile_results.table(rows), [row.name for row in rows], () if rows else (note,))


def use(name: str) -> Result[profile_results.Changed]:
    """Make a profile the default."""
    editing.set_default(config_file(), name)
    return _changed(name, f"{name} is the default profile")


def set_(name: str, assignments: Sequence[str]) -> Result[profile_results.Changed]:
    """Set keys, given as key=value."""
    if not name.strip():
        raise UsageError("the name of the profile is empty", hint="name it, as in: mftctl profile set prod")
    if not assignments:
        raise UsageError("name what to set, as key=value", hint=f"keys: {', '.join(sorted(KEYS))}")
    new = editing.set_keys(config_file(), name, dict(_assigned(one) for one in assignments))
    return _changed(name, f"profile {name} is {'created' if new else 'changed'}")


def unset(name: str, keys: Sequence[str], *, whole: bool) -> Result[profile_results.Changed]:
    """Remove keys, or the whole profile."""
    if bool(keys) == whole:
        raise UsageError("name keys, or use --all", hint="Try `mftctl profile unset --help`.")
    if not whole:
        editing.unset_keys(config_file(), name, keys)
        return _changed(name, f"profile {name} is changed")
    was_default = editing.remove_profile(config_file(), name)
    more = "; there is no default profile now" if was_default else ""
    return _changed(name, f"profile {name} is removed{more}")


def path() -> Result[profile_results.ConfigurationFile]:
    """The path of the configuration file."""
    file = config_file()
    exists = file.exists()
    notes = () if exists else ("it does not exist yet",)
    return Result(
        profile_results.ConfigurationFile(file=str(file), exists=exists), str(file), str(file), notes
    )


def show(connection: Connection, name: str | None) -> Result[profile_results.Settings]:
    """The settings in force."""
    connection = with_profile(connection, name)
    profile = connection.settings()
    found = profile_results.Settings(
        profile=profile.name, file=str(config_file()), settings=settings_in_force(connection, profile)
    )
    return Result(found, profile_results.settings_table(found), profile.name or "")


def settings_in_force(connection: Connection, profile: Profile) -> tuple[profile_results.Setting, ...]:
    """Each setting; those of the connection may come from Temporal's variables and file, too."""
    found = settings(profile, connection.address, connection.temporal_namespace)
    if not names_server(connection, profile) and (running := devserver.running()) is not None:
        found["address"] = Setting(running, Source("default", "the embedded server"))
    by_key = {name: found.get(name) or found.get(f"{name}_data") or Setting() for name in NAMES}
    # The variable of the API key is shown as the key's source.
    others = [key.name for key in KEYS.values() if key.section != "connection" or key.name == "temporal_ui"]
    by_key |= {name: profile.setting(name) for name in others}
    if by_key["python"].value is None:
        by_key["python"] = Setting(flow_interpreter(profile))
    return tuple(_setting(key, setting) for key, setting in by_key.items())


def with_profile(connection: Connection, name: str | None) -> Connection:
    """The connection with the profile of that name; MftctlError if both name one."""
    if name is None:
        return connection
    if connection.profile not in {None, name}:
        raise UsageError(f"the profile is given twice: {name} and {connection.profile}", hint="name one")
    return replace(connection, profile=name)


def _setting(key: str, setting: Setting) -> profile_results.Setting:
    """A setting; without its value where it is or may be secret."""
    value: Any = setting.value
    is_set, source, problem = value is not None, setting.source, None
    if isinstance(value, UnsetVariable):
        value, is_set, problem = None, False, f"${value.variable} is not set"
    elif key == "api_key" or (key in {"tls_cert", "tls_key", "tls_ca"} and "-----BEGIN" in str(value)):
        value = None
    elif key == "notify_url" and value is not None:
        value = [without_secrets(url) for url in value]
    shown = profile_results.Source(kind=source.kind, name=source.name or None, place=source.place or None)
    return profile_results.Setting(key=key, value=value, set=is_set, source=shown, problem=problem)


def _problem(name: str, values: dict[str, Any]) -> str | None:
    try:
        document.validate(config_file(), name, values)
    except MftctlError as error:
        return error.message
    return None


def _assigned(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    key = KEYS.get(name)
    if not sign:
        raise UsageError(f"'{name}' has no value", hint="write it as key=value")
    if key is None:
        raise UsageError(f"'{name}' is not a key of a profile", hint=suggest(name, KEYS))
    return name, _valid(key, value)


def _valid(key: Key, text: str) -> Any:
    if not text.strip():
        raise UsageError(
            f"{key.name} needs a value", hint=f"`mftctl profile unset NAME {key.name}` removes one"
        )
    try:
        value = key.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if key.kind == "duration":
        parse_duration(value, key.name)
    if key.name in _CHECKS:
        _CHECKS[key.name](value)
    return value


def _check_metrics(value: str) -> None:
    # It imports http.server, which other commands of profiles do without.
    from ..worker.metrics_server import address_of

    address_of(value, "metrics")


#: What checks a value beyond its kind: raises MftctlError.
_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "address": lambda value: valid_address(value, "namespace", Source("flag", "address")),
    "notify_url": check_urls,
    "metrics": _check_metrics,
    "deployment_version": lambda value: version_of(value, "deployment_version"),
    **{name: partial(check_size, name) for name in ("cpu", "memory", "gpu")},
}


def _changed(name: str, what: str) -> Result[profile_results.Changed]:
    file = str(config_file())
    return Result(profile_results.Changed(profile=name, file=file), "", name, (f"{what} in {file}",))
