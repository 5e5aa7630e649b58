"""Options of a deployment on the command line, made from their table, and their values in force."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from cyclopts import Group, Parameter

from .. import profiles
from ..console.output import say
from ..console.text import parse_duration
from ..control.runs import tags
from ..control.tokens import TokenRequest
from ..model.errors import UsageError
from ..model.options import Option, Options, TokenOptions, rows
from .command_options import flow_interpreter
from .worker_file import made_here

T = TypeVar("T")
_TOKEN = re.compile(r"[^\s\x00-\x1f]{1,200}")


_GROUPS = {
    name: Group(name, sort_key=key)
    for key, name in (
        (100, "Deployment"),
        (120, "Schedule"),
        (130, "Notification"),
        (150, "Production token"),
    )
}


def _options_of(table: type, *, in_run: bool) -> Callable[[type[T]], type[T]]:
    """Give a class the options that `mftctl run` has, or the others, as fields: cyclopts makes options of them."""

    def fill(cls: type[T]) -> type[T]:
        found = [row for row in rows(table).values() if row.in_run == in_run]
        cls.__annotations__ = {row.name: _annotation(row) for row in found}
        for row in found:
            setattr(cls, row.name, _absent(row))
        return Parameter(name="*")(dataclass(frozen=True, kw_only=True)(cls))

    return fill


def _annotation(row: Option) -> Any:
    negative = None if row.negative else ""
    parameter = Parameter(name=row.flag, negative=negative, help=row.sentence, group=_GROUPS[row.group])
    return Annotated[_type(row), parameter]


def _type(row: Option) -> Any:
    if row.kind == "pairs":
        return tuple[tuple[str, str], ...]
    if row.repeated:
        return tuple[str, ...]
    if row.kind == "switch" and not row.negative:
        return bool
    if row.kind == "choice":
        return Literal[row.choices] | None
    return {"switch": bool, "count": int}.get(row.kind, str) | None


def _absent(row: Option) -> Any:
    return () if row.repeated else False if row.kind == "switch" and not row.negative else None


@_options_of(Options, in_run=True)
class DeploymentOptions:
    """Options of a deployment and of `run`."""

    def options(self, profile: profiles.Profile, cwd: str | None = None) -> Options:
        """The options in force."""
        return in_force(vars(self), profile, cwd)

    @property
    def names_branch(self) -> bool:
        """Whether a branch or production is named on the command line."""
        return bool(vars(self)["branch"] or vars(self)["production"])

    def interpreter(self, profile: profiles.Profile) -> str:
        """The path of the flow's interpreter."""
        return flow_interpreter(profile, vars(self)["python"])


@_options_of(Options, in_run=False)
class AllDeploymentOptions(DeploymentOptions):
    """All options of a deployment, also those that `run` has no use for, such as its task queue and its schedule."""


@_options_of(TokenOptions, in_run=False)
class Ownership:
    """Options that say who may deploy again: the last one who did, or who knows the production token."""

    def token_request(self, options: Options) -> TokenRequest:
        """The request to deploy with these options."""
        return token_request(vars(self), options)


def token_request(given: Mapping[str, Any], options: Options) -> TokenRequest:
    """The request of somebody who gave these ``TokenOptions``; MftctlError (exit code 2) for a token that is none."""
    new = given["new_token"]
    if new is not None and not _TOKEN.fullmatch(new):
        hint = "a token has 1 to 200 characters, and no blank"
        raise UsageError(f"--new-token: {new!r} is not a token", hint=hint)
    if new is not None and given["generate_new_token"]:
        raise UsageError("--new-token and --generate-new-token cannot be used together", hint="name one")
    return TokenRequest(
        given["authorize"],
        bool(given["generate_new_token"]),
        given["new_token"],
        namespace=options.namespace is not None,
    )


def in_force(given: Mapping[str, Any], profile: profiles.Profile, cwd: str | None = None) -> Options:
    """The options in force: those given over MFTCTL_* variables over the profile; what is not in ``given`` is left out.

    Raises MftctlError with exit code 2 for a value that does not fit.
    """
    values = {
        name: _value(row, given[name] or None if row.repeated else given[name], profile)
        for name, row in rows(Options).items()
        if name in given
    }
    if values.get("name") == "":
        raise UsageError("--name: the name is empty", hint="leave it out for the flow's own")
    tags.validate(values["tags"])
    check_urls(values.get("notify_url", ()))
    # As METAFLOW_BRANCH and METAFLOW_PRODUCTION, each is set by itself: together they mean the branch prod.NAME.
    branch, production = (profile.setting(name, given[name]) for name in ("branch", "production"))
    if branch.value and production.value and branch.source.kind != production.source.kind:
        say(
            f"production ({production.source}) and branch '{branch.value}' ({branch.source}): "
            f"the branch is prod.{branch.value}"
        )
    # A profile's branch is for flows that have branches; a flag is for this flow.
    project_only = given["branch"] is None and not given["production"]
    return Options(**values, project_only=project_only, cwd=cwd)


def _value(row: Option, given: Any, profile: profiles.Profile) -> Any:
    setting = (
        profile.setting(row.key, given)
        if row.key
        else profiles.Setting(given, profiles.Source("flag", row.flag))
    )
    value = setting.value
    if row.kind == "switch":
        return bool(value)
    if row.kind == "duration" and value is not None:
        return parse_duration(value, str(setting.source))
    if row.kind == "commas":
        return separated(value)
    if row.kind in {"queue", "variable"} and value == "" and profile.get(row.key):
        return None  # the default again
    if row.kind in {"count", "queue", "variable"} and value is not None:
        _check(row, value, setting.source)
    if row.adds:
        # Metaflow keeps the first decorator of a name.
        value = (*(given or ()), *(profile.get(row.key) or ()))
        return tuple(dict.fromkeys(value))
    return tuple(value or ()) if row.repeated else value


def separated(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """The parts of a text with commas, or of a list, without blanks."""
    parts = value.split(",") if isinstance(value, str) else value or ()
    return tuple(part.strip() for part in parts if part.strip())


def _check(row: Option, value: Any, source: profiles.Source) -> None:
    key = profiles.KEYS[row.key]
    try:
        key.validate(value)
    except ValueError as error:
        if row.kind == "variable":  # the value may be the secret itself
            raise UsageError(f"{source}: {error}") from None
        raise UsageError(
            f"{source}: {value!r} is not {key.expected}", hint=f"leave it out for the default, {row.default}"
        ) from None


def check_urls(urls: Sequence[str]) -> None:
    """MftctlError with exit code 2 for what cannot be posted to."""
    for url in urls:
        if not _has_host(url):
            raise UsageError(
                f"--notify-url: '{url}' is not a URL that can be posted to",
                hint="a URL begins with https:// or http:// and a host",
            )


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a port or an IPv6 address that is none
        return False


def file_argument(text: str) -> Path:
    """The flow's file; MftctlError when there is none."""
    # It loads traceback and tempfile, which `deploy --help` does without.
    from ..console.crash_report import folder_gone

    if gone := folder_gone():
        raise gone
    file = Path(text)
    if file.is_file():
        if made_here(file):
            hint = f"name the flow's file, or start it: python {text}"
            raise UsageError(f"{text} is a worker file, not a flow", code="flow.none", hint=hint)
        return file
    problem = "is a folder" if file.is_dir() else "no such file"
    raise UsageError(f"{text}: {problem}", code="flow.missing", hint="name the Python file of a flow")
