"""`dist/mftctl`: what is in it, and how it runs elsewhere. How it starts: `unit/project/test_start.py`."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from onefile import Run, bundles, environment, pythons, runner

import mftctl

ROOT = Path(__file__).resolve().parents[2]
VERSION = mftctl.__version__

# One pytest process runs them all: several measure time.
pytestmark = pytest.mark.xdist_group("zipapp")


def test_the_file_is_small_enough_to_copy_around(zipapp: Path) -> None:
    """The file is at most 25 MB."""
    assert zipapp.stat().st_size <= 25_000_000


@pytest.mark.soak  # unit/project/test_start.py packs a small program twice
def test_two_builds_are_the_same_bytes(zipapp: Path, tmp_path: Path) -> None:
    """A build from nothing, in another folder and under another umask, gives the same file to the byte."""
    clone = tmp_path / "clone"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "tests")
    shutil.copytree(ROOT, clone, ignore=left_out)
    subprocess.run(
        [sys.executable, "packaging/build_zipapp.py"],
        cwd=clone,
        check=True,
        stdout=subprocess.DEVNULL,
        umask=0o077,
    )
    assert (clone / "dist" / "mftctl").read_bytes() == zipapp.read_bytes()


def test_what_metaflow_needs_is_in_the_file(zipapp: Path) -> None:
    """The bundle keeps the tutorials and each package's metadata, by which Metaflow finds its extensions."""
    with packages(zipapp) as archive:
        names = set(archive.namelist())
        (top_level,) = (name for name in names if re.search(r"/mftctl-[^/]*/top_level\.txt$", name))
        assert "metaflow_extensions" in archive.read(top_level).decode().split()
    assert "site-packages/metaflow/tutorials/01-playlist/playlist.py" in names
    assert "site-packages/metaflow_extensions/temporal/plugins/mfextinit_temporal.py" in names
    assert "site-packages/metaflow_extensions/__init__.py" not in names
    locked = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / "runtime.txt").read_text(), re.MULTILINE)
    metadata = {name.split("/")[1].lower() for name in names if name.endswith(".dist-info/METADATA")}
    assert {name.replace("-", "_") for name in locked} <= {
        name.split("-")[0].replace(".", "_") for name in metadata
    }


def test_nothing_in_the_file_names_the_builders_machine(zipapp: Path) -> None:
    """No metadata in the bundle tells where it was built."""
    with zipfile.ZipFile(zipapp) as archive:
        for name in archive.namelist():
            assert str(ROOT).encode() not in archive.read(name), name
    with packages(zipapp) as archive:
        for name in archive.namelist():
            if ".dist-info/" in name:
                assert str(ROOT).encode() not in archive.read(name), name


def test_every_aws_service_that_metaflow_asks_is_in_the_file(unpacked: Path) -> None:
    """Each AWS client that Metaflow's source makes can be made from the pruned bundle."""
    site = site_packages(unpacked)
    sources = "\n".join(path.read_text() for path in (site / "metaflow").rglob("*.py"))
    asked = set(re.findall(r"""(?:get_aws_client|boto3\.client)\(\s*\\*["'](\w+)""", sources))
    assert asked >= {"s3", "sts", "batch", "dynamodb", "events", "stepfunctions", "secretsmanager"}
    script = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import boto3\n"
        f"for name in {sorted(asked)}: boto3.client(name, region_name='eu-west-1')"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True)


def test_cleaning_keeps_the_bundle_in_use_and_the_one_used_last(started: Run, unpacked: Path) -> None:
    """`doctor --clean` of a program that is not the newest leaves both; older ones go. It needs no server."""
    before = {bundle.name for bundle in bundles(unpacked).iterdir() if bundle.is_dir()}
    for name, used in (("newer", time.time() + 1000), ("older", 1e9)):
        (bundles(unpacked) / name / "site-packages").mkdir(parents=True)
        os.utime(bundles(unpacked) / name, (used, used))
    done = started("doctor", "--clean", "-o", "json")
    assert json.loads(done.stdout)["cleaned"]["removed"] == [str(bundles(unpacked) / "older")]
    assert {bundle.name for bundle in bundles(unpacked).iterdir() if bundle.is_dir()} == before | {"newer"}
    shutil.rmtree(bundles(unpacked) / "newer")


def test_topics_schemas_and_completion_are_in_the_file(zipapp: Path, started: Run) -> None:
    """What commands print that is no code of theirs comes along."""
    with packages(zipapp) as archive:
        names = set(archive.namelist())
    for topic in ("environment", "exit-codes", "output", "profiles"):
        assert f"site-packages/mftctl/topics/{topic}.md" in names
    assert started("help", "profiles").stdout.startswith("# ")
    assert '"schema_version"' in started("schema", "runs.list").stdout
    assert "complete -F _mftctl mftctl" in started("completion", "bash").stdout


def test_every_supported_python_on_the_machine_runs_it(zipapp: Path, unpacked: Path) -> None:
    """The one file runs with each Python from 3.11 on."""
    supported = [python for version, python in pythons() if version >= (3, 11)]
    assert supported
    for python in supported:
        command = [python, zipapp, "--version"]
        done = subprocess.run(command, env=environment(unpacked), check=True, capture_output=True, text=True)
        assert VERSION in done.stdout, python


def test_the_version_comes_at_once(zipapp: Path, unpacked: Path) -> None:
    """Warm, `--version` takes at most 1.5 times the CPU of `python -c 'import cyclopts'`: the best of up to ten."""
    own, bare = [], []
    for _ in range(10):
        own.append(seconds([sys.executable, zipapp, "--version"], unpacked))
        bare.append(seconds([sys.executable, "-c", "import cyclopts"], unpacked))
        if min(own) <= 1.5 * min(bare):
            return
    pytest.fail(f"{own} against {bare}")


def test_the_first_start_is_short(zipapp: Path, tmp_path: Path) -> None:
    """The first start takes at most 3 seconds of CPU, with unpacking and the compiling of modules."""
    first = (seconds([sys.executable, zipapp, "--version"], tmp_path / name) for name in "abc")
    assert any(one <= 3 for one in first)


def test_a_users_pythonpath_does_not_replace_parts_of_the_program(started: Run, tmp_path: Path) -> None:
    """A module of the bundle's name on the user's PYTHONPATH is not taken for the bundle's."""
    for name in ("mftctl", "cyclopts", "rich", "temporalio"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('the wrong one')")
    assert VERSION in started("--version", PYTHONPATH=str(tmp_path)).stdout


def test_the_wheel_installs_and_runs(tmp_path: Path) -> None:
    """`pip install` of the wheel gives a `mftctl` command, and a distribution that Metaflow knows as an extension."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("mftctl-*.whl")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    (site,) = (venv / "lib").glob("python3.*/site-packages")
    # The dependencies as they are in .venv, so that no registry is asked; this names no .pth of .venv's own.
    (own,) = (Path(sys.prefix) / "lib").glob("python3.*/site-packages")
    (site / "dependencies.pth").write_text(f"{own}\n")
    done = subprocess.run(
        [venv / "bin" / "mftctl", "--version"], cwd="/", check=True, capture_output=True, text=True
    )
    assert VERSION in done.stdout
    script = (
        "import mftctl, importlib.metadata as m;"
        "print(mftctl.__file__); print(m.distribution('mftctl').read_text('top_level.txt'))"
    )
    found = subprocess.run(
        [python, "-c", script], cwd="/", check=True, capture_output=True, text=True
    ).stdout.split()
    assert found[0].startswith(str(venv))
    assert "metaflow_extensions" in found[1:]


@pytest.fixture
def started(zipapp: Path, unpacked: Path) -> Run:
    """Runs `dist/mftctl` where it has been unpacked."""
    return runner(zipapp, unpacked)


@contextmanager
def packages(zipapp: Path) -> Iterator[zipfile.ZipFile]:
    """The archive in the file that holds all packages."""
    with (
        zipfile.ZipFile(zipapp) as whole,
        whole.open("site-packages.zip") as inner,
        zipfile.ZipFile(inner) as archive,
    ):
        yield archive


def site_packages(cache: Path) -> Path:
    (site,) = bundles(cache).glob("*/site-packages")
    return site


def seconds(command: list[str | Path], cache: Path) -> float:
    """CPU that a command takes: other tests run beside it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment(cache), check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
