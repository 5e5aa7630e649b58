"""packaging/Dockerfile and .dockerignore, without a Docker daemon."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import commandlines
import pytest

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "packaging" / "Dockerfile"
SCRIPTS = Path(sys.executable).parent


def lint(text: str) -> str:
    """What hadolint says of a Dockerfile."""
    command = [SCRIPTS / "hadolint", "--no-color", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def seen(target: Path) -> None:
    """Copy what .dockerignore leaves to a build: here each line names what is not left out."""
    for line in (ROOT / ".dockerignore").read_text().split():
        name = line.removeprefix("!")
        if name == line or not (ROOT / name).exists():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, target / name)


def test_hadolint_has_nothing_to_say() -> None:
    """The file is as hadolint wants it, and one with a slip is not."""
    text = FILE.read_text()
    assert lint(text) == ""
    assert "DL" in lint(text.replace("WORKDIR /source", "WORKDIR source"))


def test_the_container_is_a_worker_that_is_nobody_special() -> None:
    """It runs as a user by number, with the zipapp unpacked beforehand, and gets SIGTERM to finish its tasks."""
    _, final = re.split(r"^FROM .*\n", FILE.read_text().partition("AS build")[2], flags=re.MULTILINE)
    assert re.search(r"^USER [1-9]\d+$", final, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in final
    assert "SHIV_ROOT=/opt/mftctl" in final
    for name in (
        "METAFLOW_ARTIFACT_LOCALROOT",
        "METAFLOW_TEMPDIR",
    ):  # else the flow's folder, which may be read-only
        assert f"{name}=/tmp " in final
    arguments = re.findall(r'"([^"]+)"', re.findall(r"^CMD (.*)$", final, re.MULTILINE)[0])
    assert commandlines.parse(arguments)[0] == "worker"
    assert re.search(r'^ENTRYPOINT .*"mftctl"\]$', final, re.MULTILINE)


def test_the_build_is_sent_no_more_than_it_needs() -> None:
    """.dockerignore leaves out everything but what it names, and all of that is there."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    kept = [line.removeprefix("!") for line in rules if line.startswith("!")]
    assert [name for name in kept if not (ROOT / name).exists()] == []


@pytest.mark.soak
def test_the_build_stage_makes_what_the_container_starts(tmp_path: Path) -> None:
    """Its commands, with what .dockerignore leaves, make a zipapp that starts without writing anything."""
    seen(tmp_path / "source")
    stage = FILE.read_text().partition("AS build")[2].partition("\nFROM")[0].partition("COPY . .")[2]
    env = {**os.environ, "PATH": os.pathsep.join((str(SCRIPTS), os.environ["PATH"])), "HOME": str(tmp_path)}
    env["SHIV_ROOT"] = str(tmp_path / "opt")
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # with it, what is compiled is read from another place
    for command in re.findall(r"^RUN (.*)$", stage, re.MULTILINE):
        words = command.replace("/usr/local/bin/mftctl", str(tmp_path / "mftctl"))
        words = words.replace("/opt/mftctl", str(tmp_path / "opt"))
        words = re.sub(r"^mftctl ", f"{tmp_path}/mftctl ", words)
        done = subprocess.run(
            ["bash", "-c", words],
            cwd=tmp_path / "source",
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "opt").rglob("*")}
    started = subprocess.run(
        [tmp_path / "mftctl", "worker", "--help"], env=env, capture_output=True, text=True, check=True
    )
    assert started.stderr == ""
    (bundle,) = (path for path in (tmp_path / "opt").iterdir() if path.is_dir())
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "opt").rglob("*")}
    assert {path for path in after if after[path] != before.get(path)} <= {bundle}, "a start writes nothing"
