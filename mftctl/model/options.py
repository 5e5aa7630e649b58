"""The table of the options of a deployment: each field with a row is an option of `deploy`.

All places that know an option are made from its row: the command line (``operations.deploy_options``), keys and
variables of profiles (``profiles.keys``), and, by `./just reference`, the options of `python flow.py temporal
create`, the keywords of Metaflow's Deployer and the documentation. To add an option, add a field here and use it in
``interpreter.inside.compile.build``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Optional

from .overlap import OVERLAPS

#: What a value is. ``list``: the option is repeated; a variable separates by commas. ``words``: the same, but by
#: blanks, because the values contain commas. ``commas``: one text on the command line, a list in a profile.
#: ``pairs``: repeated, two values each. ``queue``: the name of a task queue.
Kind = Literal[
    "text",
    "path",
    "queue",
    "variable",
    "switch",
    "count",
    "duration",
    "list",
    "words",
    "commas",
    "pairs",
    "choice",
]
_REPEATED = ("list", "words", "pairs")
#: Temporal's: 1 comes first.
LAST_PRIORITY = 5


@dataclass(frozen=True)
class Option:
    """A row of the table.

    ``name``: the field. ``help``: what the option does, a sentence without its full stop. ``default``: what holds
    without it, in words. ``group``: its heading in `--help`. ``flag``: its name on the command line.
    ``keyword``: its name for the Deployer. ``key``: its name in a profile; empty with ``in_profile`` False.
    ``adds``: values of the command line are added to those of the profile. ``negative``: there is a `--no-` form.
    ``metaflow``: it is an option of Metaflow's own command line, before `temporal`. ``in_create``: `temporal create`
    has it. ``in_run``: `mftctl run` has it.
    ``choices`` and ``most`` bound its value. ``seconds``: of a duration, the Deployer takes whole seconds.
    """

    kind: Kind
    help: str
    default: str = ""
    group: str = "Deployment"
    name: str = ""
    flag: str = ""
    keyword: str = ""
    key: str = ""
    adds: bool = False
    negative: bool = False
    metaflow: bool = False
    in_create: bool = True
    in_run: bool = True
    in_profile: bool = True
    choices: tuple[str, ...] = ()
    most: Optional[int] = None
    seconds: bool = False

    @property
    def repeated(self) -> bool:
        """Whether the option may be given several times."""
        return self.kind in _REPEATED

    @property
    def sentence(self) -> str:
        """Its help, for people."""
        more = "; may be repeated" if self.repeated else ""
        return f"{self.help}{more} (default: {self.default})." if self.default else f"{self.help}{more}."

    def words(self, value: Any) -> list[str]:
        """The option with a value, as words of a command line."""
        if value is None or value is False or value == ():
            return []
        if value is True:
            return [self.flag]
        if self.kind == "pairs":
            return [word for pair in value for word in (self.flag, *pair)]
        value = self.joined(value)
        return [f"{self.flag}={one}" for one in (value if self.repeated else (value,))]

    def joined(self, value: Any) -> Any:
        """A value as it is written on a command line."""
        return ",".join(part.strip() for part in value) if self.kind == "commas" else value


def rows(table: type) -> dict[str, Option]:
    """The options of a table, by their fields, in the order of `--help`."""
    return {
        one.name: _named(one.metadata["option"], one.name)
        for one in fields(table)
        if "option" in one.metadata
    }


def _named(option: Option, name: str) -> Option:
    return replace(
        option,
        name=name,
        flag=option.flag or "--" + name.replace("_", "-"),
        keyword=option.keyword or name,
        key=(option.key or name) if option.in_profile else "",
        in_create=option.in_create and not option.metaflow,
    )


def _option(kind: Kind, help: str, value: Any = None, **more: Any) -> Any:
    return field(default=value, metadata={"option": Option(kind, help, **more)})


def _metaflow(kind: Kind, help: str, value: Any = None) -> Any:
    return _option(kind, help, value, default="Metaflow's", metaflow=True)


def _schedule(kind: Kind, help: str, value: Any = None, **more: Any) -> Any:
    return _option(kind, help, value, group="Schedule", in_run=False, in_profile=False, **more)


def _notification(kind: Kind, help: str, value: Any = None, **more: Any) -> Any:
    return _option(kind, help, value, group="Notification", in_run=False, **more)


def _token(kind: Kind, help: str, value: Any = None, **more: Any) -> Any:
    return _option(kind, help, value, group="Production token", in_run=False, in_profile=False, **more)


@dataclass(frozen=True)
class Options:
    """Options of a deployment, as the compiler gets them; None leaves the default.

    Durations are in seconds. ``python`` is the interpreter as it was named.

    These are no options of the command line: ``project_only``: branch and production are ignored for flows without
    @project. ``given``: names and values of the parameters that `mftctl run` starts the flow with. ``cwd``: the folder
    that its tasks run in.
    """

    decorators: tuple[str, ...] = _option(
        "words",
        "Decorate all steps with this, such as retry or resources:cpu=4",
        (),
        flag="--with",
        key="with",
        adds=True,
        metaflow=True,
    )
    tags: tuple[str, ...] = _option("list", "Tag all runs", (), flag="--tag", adds=True)
    namespace: Optional[str] = _option(
        "text", "Metaflow namespace of the runs", default="the user's", keyword="user_namespace"
    )
    branch: Optional[str] = _option("text", "Branch of a flow with @project; '' is none", metaflow=True)
    production: bool = _option(
        "switch",
        "Production branch of a flow with @project, or of its --branch",
        False,
        negative=True,
        metaflow=True,
    )
    max_workers: Optional[int] = _option(
        "count", "Tasks of a run at once", default="100, or 16 with `mftctl run`"
    )
    workflow_timeout: Optional[float] = _option(
        "duration", "Stop a run after this time, such as 90s, 30m or 2h", seconds=True
    )
    workflow_title: Optional[str] = _option(
        "text", "Title of the runs in Temporal's UI", default="flow and version", in_profile=False
    )
    workflow_description: Optional[str] = _option(
        "text",
        "Description of the runs in Temporal's UI",
        default="the flow's docstring",
        in_profile=False,
    )
    priority: Optional[int] = _option(
        "count",
        f"Priority among runs of the same task queue, 1 (first) to {LAST_PRIORITY}",
        default="3",
        most=LAST_PRIORITY,
        in_run=False,
    )
    name: Optional[str] = _option(
        "text", "Name of the deployment", default="the flow's", in_create=False, in_profile=False
    )
    task_queue: Optional[str] = _option(
        "queue", "Task queue of its workers", default="the deployment's own", in_run=False
    )
    step_queues: tuple[str, ...] = _option(
        "list",
        "STEP=QUEUE: task queue of a step's tasks, instead of the deployment's",
        (),
        flag="--step-queue",
        in_run=False,
    )
    python: Optional[str] = _option(
        "text", "The flow's interpreter", default="that of the active virtual environment", in_create=False
    )
    metadata: Optional[str] = _metaflow("text", "Metaflow metadata provider, such as local or service")
    datastore: Optional[str] = _metaflow("text", "Metaflow datastore, such as local, s3, azure or gs")
    datastore_root: Optional[str] = _metaflow("text", "Root of the datastore")
    environment: Optional[str] = _metaflow("text", "Metaflow environment, such as local, conda, pypi or uv")
    package_suffixes: tuple[str, ...] = _metaflow(
        "commas", "Also package data files beside the flow that have these suffixes, such as .csv,.json", ()
    )
    configs: tuple[tuple[str, str], ...] = _option(
        "pairs",
        "NAME FILE: read a Config of the flow from a file",
        (),
        flag="--config",
        metaflow=True,
        in_profile=False,
    )
    config_values: tuple[tuple[str, str], ...] = _option(
        "pairs",
        "NAME JSON: the value of a Config of the flow",
        (),
        flag="--config-value",
        metaflow=True,
        in_profile=False,
    )
    schedule_overlap: Optional[str] = _schedule(
        "choice",
        "What happens to a run that is due while the previous one is running",
        default="skip",
        choices=OVERLAPS,
    )
    catchup_window: Optional[float] = _schedule(
        "duration", "Start runs that were missed at most this long ago, such as 1h or 7d", default="1d"
    )
    pause_on_failure: bool = _schedule("switch", "Pause the schedule when a run fails", False)
    notify_url: tuple[str, ...] = _notification(
        "list", "POST a JSON object to this URL when a run has ended", (), keyword="notify_urls"
    )
    notify_key_env: Optional[str] = _notification(
        "variable", "Variable of the worker with the key that signs notifications"
    )
    project_only: bool = False
    cwd: Optional[str] = None
    given: Optional[tuple[tuple[str, str], ...]] = None

    def without_branch(self) -> Options:
        """The same for a flow that has no branches."""
        return replace(self, branch=None, production=False)

    def arguments(self) -> list[str]:
        """Top-level options of the flow's command line."""
        given = [
            word
            for name, row in rows(Options).items()
            if row.metaflow
            for word in row.words(getattr(self, name))
        ]
        return ["--quiet", "--no-pylint", *given]


@dataclass(frozen=True)
class TokenOptions:
    """Options of `deploy` that say who may deploy, as Metaflow's orchestrators have them."""

    authorize: Optional[str] = _token(
        "text", "Production token of a flow that somebody else deployed; it is saved for the next time"
    )
    generate_new_token: bool = _token(
        "switch", "Make a new production token; the runs move to its namespace", False
    )
    new_token: Optional[str] = _token(
        "text", "Use this production token; the runs move to its namespace", keyword="given_token"
    )
