"""Flows whose steps cannot run where they ask to: refused at deploy, in a line, with the step's name."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("compute")


def test_a_backend_wants_a_store_that_it_can_reach(deployer):
    """The local datastore is none."""
    refused = deployer.run("deploy", "held.py", METAFLOW_DEFAULT_DATASTORE="local")
    assert refused.returncode == 2
    assert "mftctl: step batched, @batch: AWS Batch error: The *@batch* decorator requires" in refused.stderr


def test_the_client_of_a_backend_is_missing(deployer, tmp_path):
    """For both ways of deploying."""
    for command in (("mftctl", "deploy", "held.py"), ("python", "held.py", "temporal", "create")):
        refused = _without_kubernetes(deployer, tmp_path).command(*command)
        assert refused.returncode == 2
        assert "step podded, @kubernetes: Kubernetes error: Could not import module 'kube" in refused.stderr


def _without_kubernetes(home: Any, folder: Path) -> Any:
    (folder / "hidden").mkdir(exist_ok=True)
    (folder / "hidden" / "kubernetes.py").write_text("raise ImportError")
    hidden = os.pathsep.join((str(folder / "hidden"), home.env["PYTHONPATH"]))
    return dataclasses.replace(home, env={**home.env, "PYTHONPATH": hidden})
