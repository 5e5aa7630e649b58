"""@sandbox of metaflow-sandbox, a compute backend of others: in the flow's source and with `--with`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("compute")

READ = str(Path(__file__).with_name("read.py"))


def test_a_step_runs_in_its_sandbox(deployer, machine, python):
    """The sandbox has the code package and nothing of the worker's; attempts and logs are as ever.

    The package is all that the worker's machine has, too.
    """
    deployment = _said(deployer.run("deploy", "boxed.py", "-o", "name"))
    for file in ("boxed.py", "helper.py"):
        (deployer.folder / file).unlink()
    machine.worker("--all")
    run = json.loads(_said(deployer.run("trigger", deployment, "--wait", "-o", "json")))["run_id"]
    left = _read(deployer, python, f"Boxed/{run}")

    here, boxed, back = left["end"]["seen"]
    assert boxed == {"step": None, "box": "yes", "code": ".", "folder": "metaflow", "worker": False}
    assert here == back
    assert (here["worker"], here["box"]) == (True, None)

    first, second = left["box"]["attempts"]
    assert [first["stdout"].count("a line of attempt 0"), second["stdout"].count("a line of attempt 1")] == [
        1,
        1,
    ]
    assert "ValueError: the first attempt fails" in first["stderr"]
    assert "attempt 0" not in second["stdout"] + second["stderr"]


def test_with_sandbox_at_deploy(deployer, machine, cloud, python):
    """`flow.py --with=sandbox temporal create` and `mftctl deploy --with sandbox` send every step there, alike."""
    _said(deployer.command(python, "plain.py", "--with=sandbox", "temporal", "create"))
    deployed = json.loads(_said(deployer.run("deploy", "plain.py", "--with", "sandbox", "-o", "json")))
    assert deployed["version"] == deployed["previous_version"]
    machine.worker("--all", MFTCTL_ISOLATION="spawn")
    done = deployer.run("trigger", deployed["deployment"], "--wait", "-o", "json")
    run = json.loads(_said(done))["run_id"]
    (seen,) = _read(deployer, python, f"Plain/{run}")["only"]["seen"]
    assert (seen["folder"], seen["worker"]) == ("metaflow", False)
    assert len(cloud.jobs()) == 1


def test_a_backend_that_cannot_start(deployer, machine):
    """A client that is not installed where the worker runs: the run fails at once, and says for which step."""
    source = (deployer.folder / "boxed.py").read_text()
    (deployer.folder / "boxed.py").write_text(source.replace("@sandbox(", '@sandbox(backend="uninstalled", '))
    deployment = _said(deployer.run("deploy", "boxed.py", "-o", "name"))
    machine.worker("--all")
    done = deployer.run("trigger", deployment, "--wait", "-o", "json")
    assert done.returncode == 3, done.stderr
    failure = json.loads(done.stdout)["failure"]
    why = "No module named 'client_of_a_backend_that_nobody_has_installed'"
    assert failure["message"] == f"step box failed: ModuleNotFoundError: {why}"


def _read(home: Any, python: str, run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_said(home.command(python, READ, run)))
    return found


def _said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
