"""`mftctl profile …`: the settings of servers and deployments, by name."""

from typing import Annotated, Any

from cyclopts import Parameter

from .. import profiles
from ..model.errors import Exit, MftctlError
from ..profiles import KEYS, Key
from . import shown
from .options import Connection, Output
from .output import Result
from .text import columns, parse_duration


def list_(
    *,
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """List the profiles of the configuration file."""
    from ..profiles import document, settings

    file = profiles.config_file()
    content = document.read(file)
    current, _ = settings.chosen_name(content, None)
    rows = [_row(name, values, current, content) for name, values in content.get("profiles", {}).items()]
    lines = [
        ("*" if row["current"] else " ", row["name"], row["address"] or "", row["problem"] or "")
        for row in rows
    ]
    notes = (
        () if rows else (f"there is no profile in {file}; make one with: mftctl profile set NAME key=value",)
    )
    return Result(rows, columns(lines), [row["name"] for row in rows], notes)


def show(
    name: str | None = None,
    /,
    *,
    connection: Connection = Connection(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Show each setting in force and where it comes from; secrets are only said to be set.

    Parameters
    ----------
    name
        The profile (default: the one in force).
    """
    connection = _named(name, connection)
    profile = connection.settings()
    rows = shown.rows(connection, profile)
    data = {"profile": profile.name, "file": str(profiles.config_file()), "settings": rows}
    lines = [("profile", profile.name or "none", str(profiles.config_file()))]
    lines += [shown.text(row) for row in rows]
    return Result(data, columns(lines), profile.name or "")


def use(
    name: str,
    /,
    *,
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Make a profile the default one.

    Parameters
    ----------
    name
        The profile.
    """
    from ..profiles import editing

    file = profiles.config_file()
    editing.set_default(file, name)
    return _changed(name, f"{name} is the default profile")


def set_(
    name: str,
    /,
    *assignments: str,
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Set keys of a profile, which is made when it is not there; comments in the file stay.

    Parameters
    ----------
    name
        The profile.
    assignments
        Each as key=value; of several tags, key=a,b; of several decorators, key='a b'.
    """
    if not assignments:
        raise _usage("name what to set, as key=value", f"keys: {', '.join(sorted(KEYS))}")
    values = dict(_assigned(one) for one in assignments)
    from ..profiles import editing

    new = editing.set_keys(profiles.config_file(), name, values)
    return _changed(name, f"profile {name} is {'made' if new else 'changed'}")


def unset(
    name: str,
    /,
    *keys: str,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Remove keys of a profile, or the whole of it.

    Parameters
    ----------
    name
        The profile.
    keys
        The keys.
    all_
        Remove the profile with all its keys.
    """
    from ..profiles import editing

    if bool(keys) == all_:
        raise _usage("name keys, or say --all", "Try `mftctl profile unset --help`.")
    if not all_:
        editing.unset_keys(profiles.config_file(), name, keys)
        return _changed(name, f"profile {name} is changed")
    was_default = editing.remove_profile(profiles.config_file(), name)
    more = "; there is no default profile now" if was_default else ""
    return _changed(name, f"profile {name} is removed{more}")


def path(
    *,
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Say where the configuration file is."""
    file = profiles.config_file()
    notes = () if file.exists() else ("it is not there yet",)
    return Result({"file": str(file), "exists": file.exists()}, str(file), str(file), notes)


def check(
    name: str | None = None,
    /,
    *,
    connection: Connection = Connection(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Connect with a profile's settings and say what is wrong, and how to mend it.

    Exit code 5 when Temporal cannot be reached or refuses us, 1 when another check fails. Checked are: the name and the
    port of the server, TLS, access, the Temporal namespace, the flow's interpreter, the datastore (a few bytes are
    written to it) and the metadata service.

    Parameters
    ----------
    name
        The profile (default: the one in force).
    """
    from .checks import error_of, plain, run_checks, told

    connection = _named(name, connection)
    profile = connection.settings()
    found = run_checks(connection, profile)
    failed = [one.check for one in found if one.ok is False]
    data = {"profile": profile.name, "ok": not failed, "checks": plain(found)}
    return Result(data, told(found), failed, error=error_of(found))


def _named(name: str | None, connection: Connection) -> Connection:
    if name is None:
        return connection
    if connection.profile not in {None, name}:
        raise _usage(f"the profile is given twice: {name} and {connection.profile}", "name one")
    return Connection(
        address=connection.address, temporal_namespace=connection.temporal_namespace, profile=name
    )


def _row(name: str, values: dict[str, Any], current: str | None, content: dict[str, Any]) -> dict[str, Any]:
    from ..profiles import document

    problem = None
    try:
        document.validate(profiles.config_file(), name, values)
    except MftctlError as error:
        problem = error.message
    address = values.get("address")
    return {
        "name": name,
        "current": name == current,
        "default": name == content.get("default_profile"),
        "address": address if isinstance(address, str) else None,
        "problem": problem,
    }


def _assigned(text: str) -> tuple[str, Any]:
    from ..profiles.keys import suggest

    name, sign, value = text.partition("=")
    key = KEYS.get(name)
    if not sign:
        raise _usage(f"'{name}' has no value", "write it as key=value")
    if key is None:
        raise _usage(f"'{name}' is no key of a profile", suggest(name, KEYS))
    return name, _valid(key, value)


def _valid(key: Key, text: str) -> Any:
    if not text.strip():
        raise _usage(f"{key.name} needs a value", f"`mftctl profile unset NAME {key.name}` removes one")
    try:
        value = key.parse(text)
    except ValueError as error:
        raise _usage(str(error), "") from None
    if key.kind == "duration":
        parse_duration(value, key.name)
    return value


def _changed(name: str, what: str) -> Result:
    file = str(profiles.config_file())
    return Result({"profile": name, "file": file}, "", name, (f"{what} in {file}",))


def _usage(message: str, hint: str) -> MftctlError:
    return MftctlError(message, exit=Exit.USAGE, code="usage", hint=hint)
