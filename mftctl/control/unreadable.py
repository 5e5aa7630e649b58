"""Schedules with a deployment's name that are not readable deployments: made by hand, or by a newer mftctl."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from temporalio.api.common.v1 import Payload
from temporalio.client import ScheduleActionStartWorkflow, ScheduleDescription
from temporalio.converter import DataConverter

from ..engine.payloads import RunInput
from ..model import ids
from ..model.errors import ConflictError, MftctlError
from ..model.manifest import SCHEMA_VERSION, Manifest

#: Errors of decoding something that is not a manifest: missing keys, and values of other types.
_DECODE_ERRORS = (TypeError, ValueError, KeyError, IndexError, AttributeError)


@dataclass(frozen=True)
class UnreadableDeployment:
    """A Schedule with a deployment's name that this mftctl cannot read.

    ``reason`` completes "it ...". ``foreign``: it is certainly not a deployment, so that no production token protects
    it; one of a newer mftctl, or in an unknown encoding, may be a deployment. ``then``: what is done about it.
    """

    name: str
    reason: str
    foreign: bool = True
    then: str = "it is skipped"

    @property
    def warning(self) -> str:
        """The warning of a command that cannot read it."""
        return f"warning: the Schedule {ids.schedule_id(self.name)} {self.reason}; {self.then}"

    def error(self) -> MftctlError:
        """The error of a command that names it: exit code 6."""
        schedule = ids.schedule_id(self.name)
        hint = f"use the mftctl version that deployed it, or: temporal schedule delete -s {schedule}"
        return ConflictError(
            f"the Schedule {schedule} is not a deployment that this mftctl can read: it {self.reason}",
            code="deployment.unreadable",
            hint=f"delete it with: mftctl deployments delete {self.name} --yes" if self.foreign else hint,
        )


class Warnings:
    """Warns of unreadable deployments, once for each until it changes."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._shown: dict[tuple[str, str], UnreadableDeployment] = {}

    def __call__(self, found: UnreadableDeployment) -> None:
        """Warn of it, unless it was done before."""
        about = found.name, found.then
        if self._shown.get(about) != found:
            self._shown[about] = found
            self._show(found.warning)


async def input_of(converter: DataConverter, payloads: Sequence[Payload]) -> RunInput:
    """The input of a run; MftctlError with exit code 6 for one of a newer mftctl, or in another encoding."""
    try:
        return RunInput.from_plain((await converter.decode(payloads, [dict]))[0])
    except (RuntimeError, *_DECODE_ERRORS) as error:
        raise ConflictError(
            f"this mftctl cannot read the input of the run: {error}",
            code="run.unreadable",
            hint="use the mftctl version that started it",
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
        return UnreadableDeployment(name, f"{what} no input, but a deployment has a manifest")
    try:
        given = (await converter.decode(action.args))[0]
    except (RuntimeError, *_DECODE_ERRORS):
        encoding = action.args[0].metadata.get("encoding", b"").decode(errors="replace")
        known = encoding.startswith("json/")
        return UnreadableDeployment(
            name, f"{what} an input that cannot be decoded ({encoding or 'without encoding'})", foreign=known
        )
    if not isinstance(given, dict) or not isinstance(given.get("manifest"), dict):
        return UnreadableDeployment(name, f"{what} an input that is not a manifest")
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
        return UnreadableDeployment(name, f"{what} an input that is not a manifest")
    if manifest.deployment != name:
        return UnreadableDeployment(name, f"{what} the manifest of {manifest.deployment}")
    return manifest
