"""Options of a deployment, and what they come to with the environment and the profile."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from .. import profiles
from ..control.runs import tags
from ..control.tokens import TokenRequest
from ..model.errors import Exit, MftctlError
from ..model.options import Options
from . import durations
from .interpreter import flow_interpreter
from .output import say

Overlap = Literal["skip", "buffer-one", "cancel-other", "allow-all"]


@Parameter(name="*", group=Group("Deployment", sort_key=100))
@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What a deployment adds to its flow."""

    with_: Annotated[tuple[str, ...], Parameter(name="--with", negative="")] = ()
    """Decorate all steps with this, such as retry or resources:cpu=4; may be repeated."""
    tag: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    """Tag all runs; may be repeated."""
    namespace: str | None = None
    """Metaflow namespace of the runs."""
    branch: str | None = None
    """Branch of a flow with @project; '' is none."""
    production: bool | None = None
    """Production of a flow with @project, or of its --branch; --no-production where a profile says otherwise."""
    max_workers: int | None = None
    """Tasks of a run at once (default: 100)."""
    workflow_timeout: str | None = None
    """Stop a run after this time, such as 90s, 30m or 2h."""
    workflow_title: str | None = None
    """What Temporal's UI calls the runs (default: flow and version)."""
    workflow_description: str | None = None
    """What Temporal's UI tells of them (default: the flow's docstring)."""
    priority: int | None = None
    """Priority among runs of the same task queue, 1 (first) to 5 (default: 3)."""
    name: str | None = None
    """Name of the deployment (default: the flow's)."""
    task_queue: str | None = None
    """Task queue that its workers serve (default: one of its own)."""
    python: str | None = None
    """The flow's interpreter (default: that of the active virtual environment)."""
    metadata: str | None = None
    """Metaflow metadata provider, such as local or service."""
    datastore: str | None = None
    """Metaflow datastore, such as local, s3, azure or gs."""
    datastore_root: str | None = None
    """Root of the datastore."""
    environment: str | None = None
    """Metaflow environment, such as local, conda, pypi or uv."""
    package_suffixes: str | None = None
    """Suffixes of data files beside the flow that its code package takes as well, such as .csv,.json."""
    config: Annotated[tuple[tuple[str, str], ...], Parameter(negative="")] = ()
    """NAME FILE: the file that a Config of the flow is read from; may be repeated."""
    config_value: Annotated[tuple[tuple[str, str], ...], Parameter(negative="")] = ()
    """NAME JSON: the value of a Config of the flow; may be repeated."""

    def options(self, profile: profiles.Profile, cwd: str | None = None) -> Options:
        """These options over MFTCTL_* variables over the profile."""
        timeout = profile.setting("workflow_timeout", self.workflow_timeout)
        workers = profile.get("max_workers", self.max_workers)
        if workers is not None and workers < 1:
            raise MftctlError(
                "--max-workers: at least 1 is needed",
                exit=Exit.USAGE,
                code="usage",
                hint="leave it out for 100",
            )
        priority = profile.get("priority", self.priority)
        if priority is not None and not 1 <= priority <= 5:
            raise MftctlError(
                f"--priority: {priority} is not one of 1 (first) to 5",
                exit=Exit.USAGE,
                code="usage",
                hint="leave it out for 3",
            )
        tags.validate((*(profile.get("tags") or ()), *self.tag))
        branch, production = profiles.branch_of(profile, self.branch, self.production)
        if branch.value and production.value and branch.source.kind != production.source.kind:
            say(
                f"production ({production.source}) and branch '{branch.value}' ({branch.source}): "
                f"the branch is prod.{branch.value}"
            )
        return Options(
            decorators=tuple(dict.fromkeys((*(profile.get("with") or ()), *self.with_))),
            tags=tuple(dict.fromkeys((*(profile.get("tags") or ()), *self.tag))),
            namespace=profile.get("namespace", self.namespace),
            branch=branch.value,
            production=bool(production.value),
            # What a profile says of branches is for flows that have some; a flag is for this flow.
            project_only=self.branch is None and not self.production,
            max_workers=workers,
            workflow_timeout=None
            if timeout.value is None
            else durations.parse(timeout.value, str(timeout.source)),
            title=self.workflow_title,
            description=self.workflow_description,
            priority=priority,
            name=self.name,
            task_queue=profile.get("task_queue", self.task_queue),
            metadata=profile.get("metadata", self.metadata),
            datastore=profile.get("datastore", self.datastore),
            datastore_root=profile.get("datastore_root", self.datastore_root),
            environment=profile.get("environment", self.environment),
            package_suffixes=suffixes_of(profile, self.package_suffixes),
            configs=self.config,
            config_values=self.config_value,
            cwd=cwd,
        )

    def interpreter(self, profile: profiles.Profile) -> str:
        """The flow's interpreter: --python, MFTCTL_PYTHON, the profile's, the active virtual environment's, or ours."""
        return flow_interpreter(profile, self.python)


@Parameter(name="*", group=Group("Schedule", sort_key=120))
@dataclass(frozen=True, kw_only=True)
class Scheduling:
    """What a deployment adds to the flow's @schedule."""

    schedule_overlap: Overlap | None = None
    """What becomes of a run that is due while the one before goes on (default: skip)."""
    catchup_window: str | None = None
    """Make up for runs missed at most this long ago, such as 1h or 7d (default: 1d)."""
    pause_on_failure: Annotated[bool, Parameter(negative="")] = False
    """Pause the schedule when a run fails."""

    def added_to(self, options: Options) -> Options:
        """The deployment's options with these."""
        window = self.catchup_window
        return replace(
            options,
            schedule_overlap=self.schedule_overlap,
            catchup_window=None if window is None else durations.parse(window, "--catchup-window"),
            pause_on_failure=self.pause_on_failure,
        )


@Parameter(name="*", group=Group("Notification", sort_key=130))
@dataclass(frozen=True, kw_only=True)
class Notification:
    """Who is told when a run has ended."""

    notify_url: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    """POST a JSON object here when a run has ended, well or not; may be repeated."""
    notify_key_env: str | None = None
    """Name of a variable of the worker: its value is the key that signs what is posted."""

    def added_to(self, options: Options, profile: profiles.Profile) -> Options:
        """The deployment's options with these."""
        urls = self.notify_url or tuple(profile.get("notify_url") or ())
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise MftctlError(
                    f"--notify-url: '{url}' is no URL of a receiver",
                    exit=Exit.USAGE,
                    code="usage",
                    hint="it begins with https:// or http://",
                )
        key = profile.get("notify_key_env", self.notify_key_env)
        return replace(options, notify=tuple((url, key) for url in urls))


@Parameter(name="*", group=Group("Production token", sort_key=150))
@dataclass(frozen=True, kw_only=True)
class Ownership:
    """Who may deploy anew: whoever did so last, or knows the production token, as with Metaflow's orchestrators."""

    authorize: str | None = None
    """The production token of a flow that somebody else deployed; it is kept for the next time."""
    generate_new_token: Annotated[bool, Parameter(negative="")] = False
    """Make a new production token: the runs move to its namespace."""
    new_token: str | None = None
    """Take this production token: the runs move to its namespace."""

    def claim(self, options: Options) -> TokenRequest:
        """What is claimed for a deployment with these options."""
        return TokenRequest(
            self.authorize, self.generate_new_token, self.new_token, namespace=options.namespace is not None
        )


def suffixes_of(profile: profiles.Profile, given: str | None = None) -> str | None:
    """Suffixes of files that are packaged, as Metaflow takes them: by commas and without blanks."""
    found = (given or "").split(",") if given is not None else profile.get("package_suffixes") or ()
    return ",".join(one.strip() for one in found if one.strip()) or None


def file_argument(text: str) -> Path:
    """The flow's file; MftctlError when there is none."""
    from .crash import folder_gone, folder_is_gone

    if folder_is_gone():
        raise folder_gone()
    file = Path(text)
    if file.is_file():
        return file
    problem = "is a folder" if file.is_dir() else "no such file"
    raise MftctlError(
        f"{text}: {problem}", exit=Exit.USAGE, code="flow.missing", hint="name the Python file of a flow"
    )
