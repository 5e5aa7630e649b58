"""Schedules that have a deployment's name and cannot be read as a deployment: made by hand, or by a newer mftctl."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from temporalio.api.common.v1 import Payload
from temporalio.client import ScheduleActionStartWorkflow, ScheduleDescription
from temporalio.converter import DataConverter

from ..engine.payloads import RunInput
from ..model import ids
from ..model.errors import Exit, MftctlError
from ..model.manifest import SCHEMA_VERSION, Manifest

#: What reading something that is no manifest raises: missing keys, and values of other types.
_DECODE_ERRORS = (TypeError, ValueError, KeyError, IndexError, AttributeError)


@dataclass(frozen=True)
class UnreadableDeployment:
    """A Schedule called as a deployment that is not one to this mftctl.

    ``reason`` completes "it ...". ``foreign``: nobody's deployment for certain, so that no production token guards it;
    what is newer than this mftctl, or encoded in a way that it does not know, may be somebody's.
    """

    name: str
    reason: str
    foreign: bool = True

    @property
    def warning(self) -> str:
        """A line for commands that go on without it."""
        return f"warning: the Schedule {ids.schedule_id(self.name)} {self.reason}; it is left out"

    def error(self) -> MftctlError:
        """The error of a command that is addressed to it: exit code 6."""
        schedule = ids.schedule_id(self.name)
        hint = f"use the mftctl that has deployed it, or: temporal schedule delete -s {schedule}"
        return MftctlError(
            f"the Schedule {schedule} is no deployment that this mftctl can read: it {self.reason}",
            exit=Exit.CONFLICT,
            code="deployment.unreadable",
            hint=f"delete it with: mftctl deployments delete {self.name} --yes" if self.foreign else hint,
        )


class Warnings:
    """Says what is unreadable, each once until it changes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: dict[str, UnreadableDeployment] = {}

    def __call__(self, found: UnreadableDeployment) -> None:
        """Warn of it, unless that was done."""
        if self._said.get(found.name) != found:
            self._said[found.name] = found
            self._say(found.warning)


async def input_of(converter: DataConverter, payloads: Sequence[Payload]) -> RunInput:
    """What a run was started with; MftctlError with exit code 6 for one of a newer mftctl, or in another encoding."""
    try:
        return RunInput.from_plain((await converter.decode(payloads, [dict]))[0])
    except (RuntimeError, *_DECODE_ERRORS) as error:
        raise MftctlError(
            f"what the run was started with cannot be read by this mftctl: {error}",
            exit=Exit.CONFLICT,
            code="run.unreadable",
            hint="use the mftctl that has started it",
        ) from error


async def manifest_of(
    converter: DataConverter, name: str, description: ScheduleDescription
) -> Manifest | UnreadableDeployment:
    """The manifest that the Schedule of the deployment ``name`` carries."""
    action = description.schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        return UnreadableDeployment(name, "starts no workflow")
    what = f"starts the workflow {action.workflow} with"
    if not action.args:
        return UnreadableDeployment(name, f"{what} no input, where a deployment has its manifest")
    try:
        given = (await converter.decode(action.args))[0]
    except (RuntimeError, *_DECODE_ERRORS):
        encoding = action.args[0].metadata.get("encoding", b"").decode(errors="replace")
        known = encoding.startswith("json/")
        return UnreadableDeployment(
            name, f"{what} an input that cannot be decoded ({encoding or 'without encoding'})", foreign=known
        )
    if not isinstance(given, dict) or not isinstance(given.get("manifest"), dict):
        return UnreadableDeployment(name, f"{what} an input that is no manifest")
    schema = given["manifest"].get("schema_version", 0)
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        return UnreadableDeployment(
            name,
            f"was deployed by a newer mftctl (manifest schema {schema}, this one reads {SCHEMA_VERSION})",
            foreign=False,
        )
    try:
        manifest = RunInput.from_plain(given).manifest
        complete = manifest.start in manifest.graph and bool(manifest.version) and bool(manifest.task_queue)
    except _DECODE_ERRORS:
        complete = False
    if not complete:
        return UnreadableDeployment(name, f"{what} an input that is no manifest")
    if manifest.deployment != name:
        return UnreadableDeployment(name, f"{what} the manifest of {manifest.deployment}")
    return manifest
