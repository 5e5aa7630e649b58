"""A supervisor: a process that runs one attempt at a task after the other for its worker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

from ....model.manifest import Launch
from ....model.task import TaskInput
from .. import protocol
from ..channel import Channel
from ..protocol import Request
from . import metadata_heartbeats
from .logs import RECENT_LINES, LiveLines, Output
from .process_watch import Watch
from .runtime import Runtime
from .task_process import Spawned, Starter


def serve(channel: Channel, launch: Launch, starter: Starter) -> None:
    """Answer a worker's requests, one after the other, until it closes ``channel`` (``protocol.py``).

    ``launch`` is how the host's tasks start. ``run`` makes one attempt: a ``task`` (``TaskInput``), and whether its
    lines are wanted ``live``, as events ``{"stream", "lines"}``; the answer is an ``AttemptResult``. Another event is
    the process ``{"group"}`` of what it has started. ``hook`` calls a function of @exit_hook, whose failure fails
    nothing else: ``ok`` and its ``output``. ``heartbeat`` sends one of a run to the metadata service.
    """
    watch = Watch(channel)

    def run(request: Request) -> Optional[dict[str, Any]]:
        watch.begin(request.number)
        given = TaskInput.from_plain(request.fields["task"])
        # The host's: its interpreter and folder are of this machine. Only tags are the run's own.
        given = replace(given, launch=replace(launch, tags=given.launch.tags))
        with watch.orphan_ends_soon():
            result = Runtime(
                watch, given, starter, LiveLines(request) if request.fields["live"] else None
            ).run()
        return None if result is None else result.to_plain()

    def hook(request: Request) -> dict[str, Any]:
        watch.begin(request.number)
        fields, output = request.fields, Output()
        ended = watch.run(Spawned(fields["file"], "hook"), [fields["hook"], fields["run"]], {}, output)
        return {"ok": ended.code == 0, "output": output.tail(RECENT_LINES)}

    def heartbeat(request: Request) -> dict[str, Any]:
        return metadata_heartbeats.send_of_run(launch.metadata, launch.flow, request.fields["run_id"])

    protocol.serve(channel, {"run": run, "hook": hook, "heartbeat": heartbeat})
