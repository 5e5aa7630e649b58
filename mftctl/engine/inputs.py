"""What a workflow of ours starts with, and what an activity gets: plain JSON payloads, read without Temporal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ..codec import from_plain, to_plain
from ..manifest import Launch, Manifest
from ..tasks import Task
from .plan import Fan


@dataclass(frozen=True)
class RunInput:
    """A run, or the part of one that a child workflow runs.

    ``run_id`` empty: made of the workflow's id, as for what a Schedule starts. ``fan``: only these splits, at most
    ``slots`` tasks of them at once. ``state`` is what a continued workflow goes on from, ``deadline`` the time (Unix
    seconds) at which the run is stopped, set when it starts.

    A resumed run: ``generation`` counts how often it was; results of earlier ones are kept but for ``rerun`` steps and
    what follows them. ``origin``: the run whose results a new run begins with, and the last of its generations.
    """

    manifest: Manifest
    run_id: str
    parameters: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    fan: Fan | None = None
    slots: int = 0
    deadline: float | None = None
    state: dict[str, Any] | None = None
    paused: bool = False
    generation: int = 0
    rerun: tuple[str, ...] = ()
    origin: str | None = None
    origin_generation: int = 0

    @property
    def launch(self) -> Launch:
        """How the run's tasks start: the deployment's way, with the tags given at trigger."""
        launch = self.manifest.launch
        return replace(launch, tags=(*launch.tags, *self.tags)) if self.tags else launch

    def to_plain(self) -> dict[str, Any]:
        """The payload."""
        plain: dict[str, Any] = to_plain(replace(self, state=None))
        return plain | {"manifest": self.manifest.to_plain()} | ({"state": self.state} if self.state else {})

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> RunInput:
        """The input that ``to_plain`` gave."""
        manifest = Manifest.from_plain(plain["manifest"])
        rest = from_plain(
            RunInput,
            {key: item for key, item in plain.items() if key not in ("manifest", "state")}
            | {"manifest": None},
        )
        return replace(rest, manifest=manifest, state=plain.get("state"))


@dataclass(frozen=True)
class HookInput:
    """What the activity of an exit hook gets: the ``hook`` function of the flow's file, to be called for a run."""

    launch: Launch
    run_id: str
    hook: str

    def to_plain(self) -> dict[str, Any]:
        """The payload."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> HookInput:
        """The input that ``to_plain`` gave."""
        return from_plain(HookInput, plain)


@dataclass(frozen=True)
class TaskInput:
    """What the activity of a task gets: enough to start it on a worker that has never heard of its run."""

    launch: Launch
    run_id: str
    task: Task
    user_retries: int = 0
    error_retries: int = 0
    delay: float = 0.0
    timeout: float | None = None
    rewrites: bool = False
    elsewhere: bool = False
    keep: bool = False
    origin: str | None = None
    origin_generation: int = 0
    parameters: dict[str, str] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """The payload."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> TaskInput:
        """The input that ``to_plain`` gave."""
        return from_plain(TaskInput, plain)
