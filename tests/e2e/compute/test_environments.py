"""Environments of steps: `--environment=conda`, on Metaflow's own code with a stand-in for micromamba."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from .reading import left_behind, said

pytestmark = pytest.mark.xdist_group("compute")
HERE = Path(__file__).resolve().parent
CONDA = "--environment=conda"


@pytest.fixture
def deployer(served: Any) -> Any:
    """A machine with micromamba."""
    shutil.copytree(HERE / "flows", served.folder, dirs_exist_ok=True)
    conda = {"METAFLOW_PATH_TO_MICROMAMBA": str(HERE / "bin" / "micromamba")}
    conda["MFTCTL_TEST_CONDA"] = str(served.folder.parent / "conda")
    return dataclasses.replace(served, env=served.env | conda)


def test_steps_run_in_their_environment(deployer, python, tmp_path):
    """Made on the worker's machine with the versions of the deployment, once; what is made for a task goes with it.

    A task there is like any other: it finds mftctl (`mftctl.events`), and ends with its supervisor.
    """
    deployment = said(deployer.run("deploy", "packaged.py", CONDA, "-o", "name"))
    resolved = next((tmp_path / "conda").glob("envs/*/*/*/made")).read_text()

    next(deployer.folder.glob(".metaflow/Packaged/conda.manifest")).unlink()
    machine = tmp_path / "machine"
    there = {"MFTCTL_TEST_CONDA": str(machine), "MFTCTL_CACHE": str(tmp_path / "machine-cache")}
    deployer.worker("--all", **there)
    run = json.loads(said(deployer.run("trigger", deployment, "--wait", "-o", "json", timeout=200)))["run_id"]
    (made,) = machine.glob("envs/*/*/*/made")
    in_environment = [str(made.parent / "bin" / "python"), "1", True, True]
    assert left_behind(deployer, python, f"Packaged/{run}")["join"]["seen"] == [in_environment] * 2
    asked = (machine / "asked").read_text().split("\n")
    assert (asked.count("solve"), asked.count("create"), made.read_text()) == (0, 1, resolved)
    assert not list(Path("/tmp").glob("tmp*/packaged.py"))


def test_an_environment_that_cannot_be_made(deployer):
    """The deployment is refused, with the steps and what to do."""
    refused = deployer.run("deploy", "packaged.py", CONDA, MFTCTL_TEST_CONDA_FAILS="1")
    assert refused.returncode == 1
    assert "cannot make the conda environment of steps body: " in refused.stderr
    assert "there is no such channel" in refused.stderr
    assert "hint: install micromamba" in refused.stderr


@pytest.mark.soak
def test_an_environment_that_cannot_be_made_by_the_worker(deployer):
    """The task says why."""
    deployment = said(deployer.run("deploy", "packaged.py", CONDA, "-o", "name"))
    deployer.worker("--all", MFTCTL_TEST_CONDA_FAILS="1")
    done = deployer.run("trigger", deployment, "--wait", "-o", "json", timeout=200)
    assert done.returncode == 3, done.stderr
    message = json.loads(done.stdout)["failure"]["message"]
    assert message.startswith("step body")
    assert "there is no such channel" in message
