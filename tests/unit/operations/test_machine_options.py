"""What a worker's machine has: options over variables over the profile, else what is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from mftctl.model.errors import Exit, MftctlError
from mftctl.model.resources import Resources
from mftctl.operations.machine_options import MachineOptions, machine_of
from mftctl.profiles import Profile
from mftctl.worker import machine

PROFILE = Profile("p", {"cpu": "3.5", "memory": "2G", "gpu": "1"})


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two GPUs."""
    monkeypatch.setattr(machine, "cores", lambda: 16)
    monkeypatch.setattr(machine, "memory", lambda: 64 * 1024**3)
    monkeypatch.setattr(machine, "gpus", lambda: ("GPU-a", "GPU-b"))


def test_what_is_found_counts_where_nothing_is_given() -> None:
    """Cores, megabytes and GPUs."""
    assert machine_of(Profile(), MachineOptions()) == (Resources(16.0, 65536, 2), ("GPU-a", "GPU-b"))


def test_options_go_before_variables_and_these_before_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself."""
    assert machine_of(PROFILE, MachineOptions()) == (Resources(3.5, 2048, 1), ("GPU-a",))
    monkeypatch.setenv("MFTCTL_MEMORY", "512M")
    assert machine_of(PROFILE, MachineOptions(cpu="8")) == (Resources(8.0, 512, 1), ("GPU-a",))
    assert machine_of(PROFILE, MachineOptions(gpu="0"))[1] == ()


def test_gpus_that_nobody_lists_are_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be of another maker."""
    monkeypatch.setattr(machine, "gpus", tuple)
    assert machine_of(Profile(), MachineOptions(gpu="3"))[1] == ("0", "1", "2")


def test_more_gpus_than_the_worker_may_use_are_refused() -> None:
    """Their numbers may be those of another worker's."""
    with pytest.raises(MftctlError, match=r"--gpu: '3' is more than the GPUs .*: GPU-a, GPU-b"):
        machine_of(Profile(), MachineOptions(gpu="3"))


def test_memory_is_enforced_where_an_option_a_variable_or_the_profile_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In this order; where memory of tasks cannot be seen it is refused."""
    profile = Profile("p", {"enforce_memory": True})
    assert not MachineOptions().enforces_memory(Profile())
    assert MachineOptions().enforces_memory(profile)
    monkeypatch.setenv("MFTCTL_ENFORCE_MEMORY", "false")
    assert not MachineOptions().enforces_memory(profile)
    assert MachineOptions(enforce_memory=True).enforces_memory(profile)
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(MftctlError, match="--enforce-memory: memory of tasks can be watched on Linux only"):
        MachineOptions(enforce_memory=True).enforces_memory(Profile())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cpu": "many"}, "--cpu: 'many' is not a positive number"),
        ({"cpu": "-1"}, "--cpu: '-1' is not a positive number"),
        ({"memory": "32X"}, "--memory: '32X' is not an amount of memory"),
        ({"memory": "0"}, "--memory: '0' is not an amount of memory"),
        ({"gpu": "1.5"}, "--gpu: '1.5' is not a whole number"),
    ],
)
def test_a_value_that_is_none_is_refused(given: dict[str, str], words: str) -> None:
    """With the option, the value, and how to write it."""
    with pytest.raises(MftctlError) as caught:
        machine_of(Profile(), MachineOptions(**given))
    assert (caught.value.message, caught.value.exit) == (words, Exit.USAGE)
    assert caught.value.hint


def test_cores_are_those_of_the_cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container with a quota of one and a half cores has two, and never more than the machine."""
    monkeypatch.undo()
    whole = machine.cores()
    groups, own = tmp_path / "cgroup", tmp_path / "own"
    inner = groups / "pod" / "task"
    inner.mkdir(parents=True)
    own.write_text("0::/pod/task\n")
    monkeypatch.setattr(machine, "_CGROUPS", groups)
    monkeypatch.setattr(machine, "_CGROUP", own)
    (inner / "cpu.max").write_text("max 100000\n")
    assert machine.cores() <= whole or not whole
    (groups / "pod" / "cpu.max").write_text("50000 100000\n")
    assert machine.cores() == 1


def test_gpus_are_those_that_cuda_may_see(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is a setting as well."""
    monkeypatch.undo()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-7")
    assert machine.gpus() == ("2", "GPU-7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert machine.gpus() == ()
