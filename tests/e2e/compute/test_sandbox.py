"""`--with=sandbox`: every step on a compute backend of others, as the deployment asks for it."""

from __future__ import annotations

import json

import pytest

from .reading import left_behind, said

pytestmark = pytest.mark.xdist_group("compute")


def test_with_sandbox_at_deploy(deployer, machine, python):
    """It has the code package and nothing of the worker's, and the worker's machine has no more than the package, too.

    Attempts and logs are as ever.
    """
    options = ("--with=sandbox", "--with=retry:times=1,minutes_between_retries=0")
    deployed = json.loads(said(deployer.run("deploy", "plain.py", *options, "-o", "json")))
    for file in ("plain.py", "helper.py"):
        (deployer.folder / file).unlink()
    machine.worker("--all", MFTCTL_ISOLATION="spawn")
    done = deployer.run("trigger", deployed["deployment"], "--wait", "-o", "json", timeout=200)
    left = left_behind(deployer, python, f"Plain/{json.loads(said(done))['run_id']}")["only"]

    assert left["seen"] == {"step": None, "box": None, "code": ".", "folder": "metaflow", "worker": False}
    first, second = left["attempts"]
    assert (first["stdout"].count("a line of"), second["stdout"].count("a line of")) == (1, 1)
    assert "ValueError: the first attempt fails" in first["stderr"]
    assert "a line of attempt 1" in second["stdout"]


@pytest.mark.soak
def test_a_backend_that_cannot_start(deployer, machine):
    """A client that is not installed where the worker runs: the run fails, and says for which step and why."""
    deployment = said(deployer.run("deploy", "plain.py", "--with=sandbox:backend=uninstalled", "-o", "name"))
    machine.worker("--all")
    done = deployer.run("trigger", deployment, "--wait", "-o", "json", timeout=200)
    assert done.returncode == 3, done.stderr
    why = "No module named 'client_of_a_backend_that_nobody_has_installed'"
    message = json.loads(done.stdout)["failure"]["message"]
    assert message.startswith(f"step only failed: ModuleNotFoundError: {why}")
