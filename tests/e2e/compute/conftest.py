"""A worker's machine with an object store, and stand-ins for the compute backends beside it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from objectstore import object_store

from .api import serve
from .batch_service import Batch
from .containers import Containers, make_image
from .kubernetes_cluster import Cluster, write_kubeconfig

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Cloud:
    """The backends of a test, and the variables with which Metaflow finds them."""

    kubernetes: Cluster
    batch: Batch
    sandboxes: Path
    containers: Containers
    env: dict[str, str]

    def jobs(self) -> list[dict[str, Any]]:
        """What the backends have been given to run, those of each in order."""
        boxed = [
            {"command": json.loads(file.read_text()), **json.loads(file.with_name("config.json").read_text())}
            for file in sorted(self.sandboxes.glob("*/command.json"), key=lambda one: one.stat().st_mtime_ns)
        ]
        return [*boxed, *self.kubernetes.posted, *self.batch.submitted]

    @property
    def running(self) -> int:
        """How many of those run."""
        return len(self._boxes()) + self.kubernetes.running + self.batch.running

    def close(self) -> None:
        """Kill what runs."""
        self.containers.close()
        for box in self._boxes():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int((box / "pid").read_text()), signal.SIGKILL)
            (box / "destroyed").touch()

    def _boxes(self) -> list[Path]:
        return [one.parent for one in self.sandboxes.glob("*/pid") if not (one.parent / "destroyed").exists()]

    def hold(self) -> dict[str, str]:
        """Let containers do nothing until they are killed; variables that whoever starts sandboxes needs for it."""
        self.containers.held = True
        return {"MFTCTL_TEST_HELD": "1"}


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables of an S3 server of the session."""
    with object_store(tmp_path_factory.mktemp("s3")) as env:
        yield env


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of the image that containers are made of."""
    return make_image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def cloud(tmp_path: Path, store: dict[str, str], image: Path) -> Iterator[Cloud]:
    """Backends for one test."""
    role = {name: value for name, value in store.items() if name.startswith("AWS_")}
    containers = Containers(tmp_path / "containers", image, role)
    kubernetes, batch = Cluster(containers), Batch(containers)
    (sandboxes := tmp_path / "sandboxes").mkdir()
    with ExitStack() as stack:
        write_kubeconfig(tmp_path / "kubeconfig", stack.enter_context(serve(kubernetes.answer)))
        env = {
            "KUBECONFIG": str(tmp_path / "kubeconfig"),
            "METAFLOW_KUBERNETES_NAMESPACE": "ml",
            "METAFLOW_KUBERNETES_SERVICE_ACCOUNT": "runner",
            "AWS_ENDPOINT_URL_BATCH": stack.enter_context(serve(batch.answer)),
            "METAFLOW_BATCH_JOB_QUEUE": "queue",
            "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "role",
            "METAFLOW_SANDBOX_STAGE_MICROMAMBA": "0",
            "MFTCTL_TEST_SANDBOXES": str(sandboxes),
            "MFTCTL_TEST_IMAGE": str(image),
        }
        made = Cloud(kubernetes, batch, sandboxes, containers, env)
        stack.callback(made.close)
        yield made


@pytest.fixture
def deployer(served: Any, store: dict[str, str], cloud: Cloud) -> Any:
    """The machine of somebody who deploys to the backends, with the flows of these tests in its folder."""
    shutil.copytree(HERE / "flows", served.folder, dirs_exist_ok=True)
    env = {**served.env, **store, **cloud.env, "PYTHONPATH": str(HERE / "extension")}
    return dataclasses.replace(served, env=env)


@pytest.fixture
def machine(deployer: Any, tmp_path: Path) -> Any:
    """A worker's machine: another home, another folder, and no setting of backends but how they are reached."""
    (folder := tmp_path / "machine").mkdir()
    unset = (
        "METAFLOW_BATCH_",
        "METAFLOW_ECS_",
        "METAFLOW_DATASTORE_",
        "METAFLOW_KUBERNETES_",
        "METAFLOW_DEFAULT_",
    )
    env = {name: value for name, value in deployer.env.items() if not name.startswith(unset)}
    places = {"MFTCTL_CACHE": folder / "cache", "METAFLOW_HOME": folder / "metaflow"}
    return dataclasses.replace(
        deployer, folder=folder, env=env | {name: str(place) for name, place in places.items()}
    )


@pytest.fixture
def python() -> str:
    """The interpreter of flows."""
    return sys.executable
