"""What the tests of `runs resume` do: deploy and serve flows, begin runs, resume them, and compare what they left."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from resumableflows import EFFECT
from temporalio.client import Client

from mftctl.control import deployments
from mftctl.control.runs import actions, outcome, start
from mftctl.control.runs import lookup as found
from mftctl.model import ids
from mftctl.model.errors import MftctlError

FINISHED = Path(__file__).resolve().parents[1] / "fidelity" / "finished.py"


class Stage:
    """A home with flows deployed and served, and what is done there to runs of them."""

    def __init__(self, home):
        self.home = home
        self.folder = home.folder.parent / "runs"
        self.folder.mkdir()
        self.serve()

    def serve(self) -> None:
        """Start a worker, which has room for tasks that are held and others."""
        self.home.worker("--all", "--concurrency", "6")
        self.worker: subprocess.Popen[str] = self.home.processes[-1]

    def flow(self, name: str, source: str) -> None:
        self.home.flow(name, (EFFECT + source).replace("PLACE", str(self.folder)))

    def deploy(self, name: str, source: str) -> None:
        self.flow(name, source)
        done = self.home.run("deploy", name)
        assert done.returncode == 0, done.stderr

    def act(self, doing):
        """The result of an asynchronous function of a client."""

        async def acted():
            return await doing(await Client.connect(self.home.env["TEMPORAL_ADDRESS"]))

        return asyncio.run(acted())

    def begin(self, flow: str = "Resumed", timeout: float | None = None, **files: Iterable[str]) -> str:
        """A run with files that tell its tasks to fail, hold or kill the worker."""
        run_id = ids.new_run_id(flow)
        for kind, labels in files.items():
            for label in labels:
                self.file(run_id, f"{kind}-{label}").write_text(str(self.worker.pid))

        async def started(client):
            manifest = replace(await deployments.find_manifest(client, flow), workflow_timeout=timeout)
            await start.start_private_run(client, manifest, {}, run_id=run_id)

        self.act(started)
        return run_id

    def file(self, run_id: str, name: str) -> Path:
        (self.folder / run_id).mkdir(exist_ok=True)
        return self.folder / run_id / name

    def ended(self, run_id: str) -> outcome.RunOutcome:
        """How the run has ended, once it has."""
        return self.act(lambda client: outcome.wait_for_outcome(client.get_workflow_handle(run_id)))

    def ending(self, run_id: str) -> str:
        return self.ended(run_id).status

    def resume(self, run_id: str, **options) -> str:
        return self.act(lambda client: actions.resume(client, run_id, **options))

    def refused(self, run_id: str, **options) -> MftctlError:
        with pytest.raises(MftctlError) as error:
            self.resume(run_id, **options)
        return error.value

    def status(self, run_id: str) -> str:
        return self.act(lambda client: found.describe(client, run_id)).status

    def effects(self, run_id: str) -> Counter:
        """How often each task has had its effect, by its step and id."""
        file = self.file(run_id, "effects")
        return Counter(file.read_text().splitlines() if file.exists() else [])

    def steps_of(self, run_id: str) -> set[str]:
        """The steps of which a task has had its effect."""
        return {task.partition("/")[0] for task in self.effects(run_id)}

    def running(self, run_id: str) -> int:
        """How many tasks of a run have not ended, as far as the server knows."""
        described = self.act(lambda client: client.get_workflow_handle(run_id).describe())
        return len(described.raw_description.pending_activities)

    def finished(self, *pathspecs: str) -> list[dict]:
        """What finished.py says of the runs."""
        done = self.home.python(str(FINISHED), *pathspecs)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def check(self, expected: dict, *pathspecs: str) -> list[dict]:
        """Every run has the tasks and artifacts of one that never failed, and each task had its effect once.

        A clone has had none. Gives what finished.py says.
        """
        dumps = self.finished(*pathspecs)
        for pathspec, dump in zip(pathspecs, dumps, strict=True):
            assert dump["successful"], pathspec
            assert dump["tasks"].keys() == expected["tasks"].keys()
            effects = self.effects(pathspec.split("/")[1])
            for key, tasks in dump["tasks"].items():
                step = key.split("[")[0].split("~")[0]
                assert tasks[0]["artifacts"] == expected["tasks"][key][0]["artifacts"], key
                for task in tasks:
                    assert effects[f"{step}/{task['id']}"] == (not task["cloned"]), (key, task["id"])
        return dumps


def generations(dump: dict) -> dict[str, list[int]]:
    """In which generations each task has finished, the newest first."""
    return {
        key: [int((re.search(r"-g(\d+)(_node_\d+)?$", task["id"]) or [0, 0])[1]) for task in tasks]
        for key, tasks in dump["tasks"].items()
    }
