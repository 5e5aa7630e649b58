"""A real metadata service of Metaflow, which tells what it was asked.

It is metaflow-local-service, which takes the ids of runs and tasks for its own to give. Metaflow's orchestrators name
them, and Metaflow's own service (services/metadata_service/api/run.py and task.py of Netflix/metaflow-service) takes
any name that is no number; so does this one, as it is served here. It is also given a way to ask for one artifact,
which it lacks, and without which a client takes no task for successful.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ports import free_port

TIMEOUT = 60.0
_SERVE = """
import sys, uvicorn
from metaflow_local_service import server, store

def named(function, make, field):
    plain, create = getattr(store, make), getattr(store, function)

    def created(*given):
        name = given[-1].get(field)
        taken = name if name and not str(name).isdigit() else None
        setattr(store, make, (lambda *_: taken) if taken else plain)
        return create(*given)

    setattr(store, function, created)

named("create_run", "new_run_id", "run_number")
named("create_task", "_next_task_id", "task_id")
app = server.create_app(sys.argv[1])

@app.get("/flows/{flow}/runs/{run}/steps/{step}/tasks/{task}/artifacts/{name}/attempt/{attempt}")
@app.get("/flows/{flow}/runs/{run}/steps/{step}/tasks/{task}/artifacts/{name}")
def artifact(flow: str, run: str, step: str, task: str, name: str, attempt: int | None = None):
    found = [one for one in store.get_artifacts(flow, run, step, task, attempt) if one["name"] == name]
    if not found:
        raise server.HTTPException(status_code=404)
    return max(found, key=lambda one: one.get("attempt_id", 0))

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="info")
"""


@dataclass(frozen=True)
class MetadataService:
    """A running one: the variables with which Metaflow finds it, and the log of requests."""

    env: dict[str, str]
    log: Path

    def beats(self, path: str) -> int:
        """How many heartbeats of a run (``Flow/id``) or a task (``Flow/id/step/task``) have come."""
        flow, run, *task = path.split("/")
        of_task = f"/steps/{task[0]}/tasks/{task[1]}" if task else ""
        return self.log.read_text().count(f"POST /flows/{flow}/runs/{run}{of_task}/heartbeat ")


@contextmanager
def metadata_service(folder: Path) -> Iterator[MetadataService]:
    """Serve metadata that is kept in ``folder``."""
    port = free_port()
    log = folder / "service.log"
    env = {"METAFLOW_SERVICE_URL": f"http://127.0.0.1:{port}", "METAFLOW_DEFAULT_METADATA": "service"}
    with log.open("w") as output:
        command = [sys.executable, "-u", "-c", _SERVE, str(folder), str(port)]
        server = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + TIMEOUT
            while "Uvicorn running" not in log.read_text():
                assert server.poll() is None, log.read_text()[-4000:]
                assert time.monotonic() < deadline, f"no metadata service after {TIMEOUT:g} s"
                time.sleep(0.05)
            yield MetadataService(env, log)
        finally:
            server.kill()
            server.wait()
