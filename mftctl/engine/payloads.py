"""Inputs of a run's workflow and of an exit hook's activity: plain JSON payloads (a task's: ``TaskInput``)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from temporalio.common import SearchAttributeKey

from ..model.codec import Serializable, from_plain, to_plain
from ..model.manifest import Launch, Manifest
from ..model.variables import SCHEDULED_TIME
from .plan import SplitRange

#: Where the server says when a run was due.
DUE = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@dataclass(frozen=True)
class RunInput:
    """A run, or the part of one that a child workflow runs.

    ``run_id`` empty: made of the workflow's id, as for what a Schedule starts. ``scope``: only these splits, at most
    ``slots`` tasks of them at once. ``state`` is what a continued workflow goes on from, ``deadline`` the time (Unix
    seconds) at which the run is stopped, set when it starts, as ``started`` is.

    A resumed run: ``generation`` counts how often it was. ``origin``: the run whose results a new run begins with, and
    how many executions it has had. ``since``: the steps that were to run again, and in which ``execution``; what was
    left by the executions before is kept of all others.

    ``variables`` is what the run's tasks have in their environment beside the deployment's. ``undo``: the run has
    failed, and these compensations are left. ``compensated``: how many there were in executions before this one.
    """

    manifest: Manifest
    run_id: str
    parameters: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    scope: SplitRange | None = field(default=None, metadata={"key": "fan"})
    slots: int = 0
    deadline: float | None = None
    state: dict[str, Any] | None = None
    paused: bool = False
    generation: int = 0
    origin: str | None = None
    origin_executions: int = 0
    since: dict[str, int] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    undo: dict[str, Any] | None = None
    started: float | None = None
    compensated: int = 0

    @property
    def execution(self) -> int:
        """Which execution of the run this is, those of the run that it began with counted first."""
        return self.origin_executions + self.generation

    @property
    def launch(self) -> Launch:
        """How the run's tasks start: the deployment's way, with the tags given at trigger."""
        launch = self.manifest.launch
        return replace(launch, tags=(*launch.tags, *self.tags)) if self.tags else launch

    def to_plain(self) -> dict[str, Any]:
        """The payload."""
        plain: dict[str, Any] = to_plain(self)
        return plain | {"manifest": self.manifest.to_plain()}

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> RunInput:
        """The input that ``to_plain`` gave."""
        rest = from_plain(RunInput, plain | {"manifest": None})
        return replace(rest, manifest=Manifest.from_plain(plain["manifest"]))


def scheduled(due: datetime | None) -> dict[str, str]:
    """The variable that tells tasks when their run was due; none for a run that no Schedule has started."""
    return {} if due is None else {SCHEDULED_TIME: due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


@dataclass(frozen=True)
class HookInput(Serializable):
    """What the activity of an exit hook gets: the ``hook`` function of the flow's file, to be called for a run."""

    launch: Launch
    run_id: str
    hook: str
