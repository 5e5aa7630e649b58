"""What a worker tells tasks of how services are reached."""

import json
import os

import pytest

from mftctl.interpreter.inside import environment
from mftctl.model.manifest import Launch, Package

TOLD = {
    "METAFLOW_SERVICE_URL": "https://deployer.example/metadata",
    "METAFLOW_S3_ENDPOINT_URL": "https://deployer.example/s3",
    "METAFLOW_DATASTORE_SYSROOT_S3": "s3://data/metaflow",
}


@pytest.fixture
def launch(tmp_path, monkeypatch) -> Launch:
    """A deployment's, on a machine without settings of its own."""
    for name in TOLD:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("METAFLOW_PROFILE", raising=False)
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path))
    places = {"metadata": "service", "datastore": "s3", "datastore_root": "s3://data/metaflow"}
    rest = {"environment": "local", "event_logger": "nullSidecarLogger", "monitor": "nullSidecarMonitor"}
    package = Package(sha="0" * 40, url="s3://data/metaflow/F/data/00/0", metadata="{}")
    return Launch(flow="F", file="f.py", package=package, python="python", env=TOLD, **places, **rest)


def test_a_machine_without_settings_takes_the_deployers(launch):
    """So that a worker needs credentials and nothing else."""
    assert environment.settings(launch) == TOLD


@pytest.mark.parametrize("way", ["variable", "configuration", "profile"])
def test_a_machine_knows_its_own_way_to_services(launch, way, tmp_path, monkeypatch):
    """A variable or Metaflow's configuration of the worker's machine goes first, but not for what is kept where."""
    own = {"METAFLOW_SERVICE_URL": "https://here.example", "METAFLOW_DATASTORE_SYSROOT_S3": "s3://other"}
    if way == "variable":
        for name, value in own.items():
            monkeypatch.setenv(name, value)
    else:
        if way == "profile":
            monkeypatch.setenv("METAFLOW_PROFILE", "prod")
        (tmp_path / ("config_prod.json" if way == "profile" else "config.json")).write_text(json.dumps(own))
    assert environment.settings(launch) == {
        name: value for name, value in TOLD.items() if name != "METAFLOW_SERVICE_URL"
    }


@pytest.mark.parametrize("in_place", [True, False])
def test_a_workers_own_branch_is_not_that_of_the_runs(monkeypatch, in_place):
    """A deployment has the branch and decorators of its deploy; a run in place those of the environment, as `run`."""
    options = (
        "METAFLOW_BRANCH",
        "METAFLOW_PRODUCTION",
        "METAFLOW_FLOW_PRODUCTION",
        "METAFLOW_DECOSPECS",
        "METAFLOW_LOCAL_CONFIG_FILE",
    )
    for name in (*options, "METAFLOW_DEFAULT_DECOSPECS", "METAFLOW_FLOW_CONFIG_VALUE"):
        monkeypatch.setenv(name, "1")
    environment.forget_options(in_place=in_place)
    assert [name in os.environ for name in options] == [in_place] * 5
    # Set, it goes before Metaflow's configuration file of the worker's machine.
    assert os.environ["METAFLOW_DEFAULT_DECOSPECS"] == ("1" if in_place else "")
    assert "METAFLOW_FLOW_CONFIG_VALUE" not in os.environ
