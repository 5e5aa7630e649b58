"""Flags over MFTCTL_* variables over the profile."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

import pytest

from mftctl.model.errors import Exit, MftctlError
from mftctl.model.options import Options, rows
from mftctl.operations.deploy_options import AllDeploymentOptions, DeploymentOptions, file_argument
from mftctl.operations.worker_options import worker_settings
from mftctl.profiles import KEYS, Profile

PROFILE = Profile(
    "prod",
    {
        "production": True,
        "tags": ["team:ml"],
        "workflow_timeout": "2h",
        "max_workers": 64,
        "priority": 1,
        "datastore": "s3",
        "namespace": "production",
    },
)


def test_a_profile_fills_in_what_no_flag_says() -> None:
    """All that a deployment needs may come from the profile."""
    options = AllDeploymentOptions().options(PROFILE)
    assert options.production
    assert options.tags == ("team:ml",)
    assert options.workflow_timeout == 7200
    assert (options.max_workers, options.datastore, options.namespace) == (64, "s3", "production")
    assert options.priority == 1


@pytest.mark.parametrize("rank", ["profile", "variable"])
def test_every_key_of_a_deployment_reaches_the_compiler(monkeypatch: pytest.MonkeyPatch, rank: str) -> None:
    """None is read and then forgotten, be it from the profile or from a variable."""
    values: dict[str, object] = {
        "namespace": "n",
        "tags": ["a:b"],
        "with": ["retry", "resources:cpu=2,memory=3"],
        "max_workers": 3,
        "workflow_timeout": "90s",
        "task_queue": "q",
        "metadata": "service",
        "datastore": "s3",
        "datastore_root": "s3://b/r",
        "environment": "pypi",
        "package_suffixes": [".csv", ".json"],
        "branch": "staging",
        "python": sys.executable,
        "priority": 2,
        "step_queues": ["train=gpu"],
        "notify_url": ["https://example.com/a", "https://example.com/b"],
        "notify_key_env": "SIGNING_KEY",
    }
    assert {*values, "production"} == {key.name for key in KEYS.values() if key.section == "deployment"}
    if rank == "variable":
        for name, value in values.items():
            between = "," if KEYS[name].kind in {"list", "commas"} else " "
            text = between.join(value) if isinstance(value, list) else str(value)
            monkeypatch.setenv(KEYS[name].variable, text)
    profile = Profile("p", values if rank == "profile" else {})
    options = AllDeploymentOptions().options(profile)
    assert options == Options(
        notify_url=("https://example.com/a", "https://example.com/b"),
        notify_key_env="SIGNING_KEY",
        python=sys.executable,
        priority=2,
        step_queues=("train=gpu",),
        decorators=("retry", "resources:cpu=2,memory=3"),
        tags=("a:b",),
        namespace="n",
        branch="staging",
        project_only=True,
        max_workers=3,
        workflow_timeout=90,
        task_queue="q",
        metadata="service",
        datastore="s3",
        datastore_root="s3://b/r",
        environment="pypi",
        package_suffixes=(".csv", ".json"),
    )
    assert DeploymentOptions().interpreter(profile) == sys.executable


def test_a_decorator_of_the_flag_comes_before_the_profiles() -> None:
    """Metaflow keeps the first of a name."""
    profile = Profile("p", {"with": ["retry:times=3", "card"]})
    options = AllDeploymentOptions(decorators=("retry:times=0", "card")).options(profile)
    assert options.decorators == ("retry:times=0", "card", "retry:times=3")


@pytest.mark.parametrize("rank", ["profile", "variable"])
def test_every_key_of_a_worker_reaches_it(monkeypatch: pytest.MonkeyPatch, rank: str) -> None:
    """Isolation, concurrency and the age of hosts; a flag goes before each."""
    named = {key.name for key in KEYS.values() if key.section == "worker"}
    # metrics, log_format: test_metrics.py; the version: test_worker_options.py; the others: test_machine_options.py
    elsewhere = {"metrics", "log_format", "deployment_version", "cpu", "memory", "gpu", "enforce_memory"}
    assert named == {"isolation", "concurrency", "host_max_age"} | elsewhere
    profile = Profile("p", {"isolation": "spawn", "concurrency": 5, "host_max_age": "2m"})
    if rank == "variable":
        monkeypatch.setenv("MFTCTL_ISOLATION", "spawn")
        monkeypatch.setenv("MFTCTL_CONCURRENCY", "5")
        monkeypatch.setenv("MFTCTL_HOST_MAX_AGE", "2m")
        profile = Profile()
    settings = worker_settings(profile, None, None, None)
    assert (settings.isolation, settings.concurrency, settings.host_max_age) == ("spawn", 5, 120)
    settings = worker_settings(profile, 1, "fork", "30s")
    assert (settings.isolation, settings.concurrency, settings.host_max_age) == ("fork", 1, 30)


def test_run_ignores_no_option_that_it_has() -> None:
    """What only a shared task queue, a schedule or a receiver of notifications makes use of is unknown to it."""
    for name, row in rows(Options).items():
        offered = name in {one.name for one in fields(DeploymentOptions)}
        assert offered == row.in_run
        assert not row.key or ("run" in KEYS[row.key].commands) == offered
    for name in ("task_queue", "priority", "schedule_overlap", "notify_url"):
        assert not rows(Options)[name].in_run
    given = Profile("p", {"task_queue": "q", "priority": 1})
    assert DeploymentOptions().options(given) == DeploymentOptions().options(Profile())


def test_a_duration_that_is_none_is_named_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, or the profile, and not a flag that nobody gave."""
    monkeypatch.setenv("MFTCTL_WORKFLOW_TIMEOUT", "soon")
    with pytest.raises(MftctlError, match="MFTCTL_WORKFLOW_TIMEOUT: 'soon'"):
        DeploymentOptions().options(Profile())


def test_flags_go_before_the_profile() -> None:
    """A flag replaces the profile's value; tags are added to it, each once."""
    given = DeploymentOptions(tags=("team:ml", "x"), workflow_timeout="90s", max_workers=2, datastore="local")
    options = given.options(PROFILE)
    assert options.tags == ("team:ml", "x")
    assert (options.workflow_timeout, options.max_workers, options.datastore) == (90, 2, "local")


def test_variables_stand_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """MFTCTL_MAX_WORKERS goes before the profile and after --max-workers."""
    monkeypatch.setenv("MFTCTL_MAX_WORKERS", "8")
    monkeypatch.setenv("MFTCTL_TAGS", "a,b")
    assert DeploymentOptions().options(PROFILE).max_workers == 8
    assert DeploymentOptions().options(PROFILE).tags == ("a", "b")
    assert DeploymentOptions(max_workers=2).options(PROFILE).max_workers == 2


@pytest.mark.parametrize(
    "given",
    [
        DeploymentOptions(max_workers=0),
        AllDeploymentOptions(priority=6),
        DeploymentOptions(workflow_timeout="soon"),
    ],
)
def test_nonsense_is_a_usage_error(given: DeploymentOptions) -> None:
    """Exit code 2."""
    with pytest.raises(MftctlError) as caught:
        given.options(Profile())
    assert caught.value.exit == Exit.USAGE


def test_the_interpreter_is_found_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--python, MFTCTL_PYTHON, the profile's, the active virtual environment's, and last our own."""
    pythons = {}
    for name in ("flag", "variable", "profile", "active"):
        pythons[name] = tmp_path / name / "bin" / "python"
        pythons[name].parent.mkdir(parents=True)
        pythons[name].symlink_to(sys.executable)
    profile = Profile("p", {"python": str(pythons["profile"])})
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    monkeypatch.setenv("MFTCTL_PYTHON", str(pythons["variable"]))
    assert DeploymentOptions(python=str(pythons["flag"])).interpreter(profile) == str(pythons["flag"])
    assert DeploymentOptions().interpreter(profile) == str(pythons["variable"])
    monkeypatch.delenv("MFTCTL_PYTHON")
    assert DeploymentOptions().interpreter(profile) == str(pythons["profile"])
    assert DeploymentOptions().interpreter(Profile()) == str(pythons["active"])
    monkeypatch.delenv("VIRTUAL_ENV")
    assert DeploymentOptions().interpreter(Profile()) == sys.executable


def test_an_interpreter_that_is_not_there_is_named() -> None:
    """A usage error with its name."""
    with pytest.raises(MftctlError, match="/no/python") as caught:
        DeploymentOptions(python="/no/python").interpreter(Profile())
    assert caught.value.exit == Exit.USAGE


@pytest.mark.parametrize(("name", "problem"), [("nothere.py", "no such file"), (".", "is a folder")])
def test_a_flow_that_is_no_file_is_named(name: str, problem: str) -> None:
    """A usage error that says why."""
    with pytest.raises(MftctlError, match=problem) as caught:
        file_argument(name)
    assert caught.value.exit == Exit.USAGE
