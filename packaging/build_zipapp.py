"""Build `dist/mftctl`: this project and all it needs in one file, the same bytes each time.

    python packaging/build_zipapp.py [--output dist/mftctl]

The dependencies come from requirements/runtime.txt, by hash, and are kept under build/ until that file changes.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import prune
from shiv import __version__ as shiv_version
from shiv import builder
from shiv.bootstrap.environment import Environment

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "runtime.txt"
BUILD = ROOT / "build"
START = ROOT / "packaging" / "start"
INTERPRETER = "/usr/bin/env python3"
# The earliest time a zip file can hold; what is in the file decides its bytes, not when it was made.
EPOCH = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Build it, and say where it is and how large."""
    parser = argparse.ArgumentParser(description="Build mftctl's zipapp.")
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "mftctl")
    output: Path = parser.parse_args().output.absolute()
    build(output)
    print(f"{output}  {output.stat().st_size / 1e6:.1f} MB")


def build(output: Path) -> None:
    """Write the zipapp to `output`, in one move: who runs the old one meanwhile is not disturbed."""
    output.parent.mkdir(parents=True, exist_ok=True)
    BUILD.mkdir(exist_ok=True)
    with (BUILD / ".lock").open("w") as lock, tempfile.TemporaryDirectory(dir=BUILD) as folder:
        fcntl.flock(lock, fcntl.LOCK_EX)
        project = Path(folder) / "project"
        _unpack_wheel(build_wheel(Path(folder)), project)
        packed = Path(folder) / "mftctl"
        _pack([dependencies(), project], packed, version=_version(project))
        packed.replace(output)


def dependencies() -> Path:
    """A folder with the locked and pruned dependencies, made once per lock."""
    made_from = hashlib.sha256(
        LOCK.read_bytes() + Path(prune.__file__).read_bytes() + Path(__file__).read_bytes()
    )
    folder = BUILD / f"site-{made_from.hexdigest()[:16]}"
    if folder.exists():
        return folder
    for old in BUILD.glob("site-*"):
        shutil.rmtree(old)
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        site = Path(temporary) / "site"
        _install(site)
        prune.prune(site)
        _settle_modes(site)
        site.rename(folder)
    return folder


def build_wheel(folder: Path) -> Path:
    """This project's wheel, built by hatchling."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def _install(site: Path) -> None:
    # For 3.11 whatever Python builds: the file serves that and all newer ones. A link into uv's cache would let pruning
    # and chmod reach into that cache, hence copies.
    target = ["--target", str(site), "--python-version", "3.11", "--only-binary", ":all:"]
    options = ["--quiet", "--require-hashes", "--no-deps"]
    requirements = ["--requirement", str(LOCK)]
    uv = ["uv", "pip", "install", "--link-mode", "copy", "--python", sys.executable]
    if subprocess.run([*uv, *options, *target, *requirements], check=False).returncode:
        # uv does not read pip's configuration: behind a mirror that only pip knows, pip does the same slowly.
        shutil.rmtree(site, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-compile"]
        subprocess.run([*pip, *options, *target, *requirements], check=True)


def _unpack_wheel(wheel: Path, folder: Path) -> None:
    # No installer: it would add files that name this machine (direct_url.json).
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    _settle_modes(folder)


def _settle_modes(folder: Path) -> None:
    """Give files the modes that do not depend on the builder's umask."""
    for path in folder.rglob("*"):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)


def _version(project: Path) -> str:
    (metadata,) = project.glob("mftctl-*.dist-info")
    return metadata.name.removeprefix("mftctl-").removesuffix(".dist-info")


def _pack(sources: list[Path], target: Path, *, version: str) -> None:
    environment = Environment(
        built_at="1980-01-01 00:00:00", shiv_version=shiv_version, compile_pyc=False, reproducible=True
    )
    made = target.with_name("made-by-shiv")
    # shiv writes a __main__ that imports and calls this name; what it packs is compressed once, when it is nested.
    builder.create_archive(sources, made, INTERPRETER, "mftctl_start:main", environment, compressed=False)
    facts = {
        "VERSION": version,
        "BUILD_ID": environment.build_id,
        "PLATFORM": f"{sys.platform}-{os.uname().machine}",
    }
    with target.open("wb") as file:
        file.write(f"#!{INTERPRETER}\n".encode())
        with zipfile.ZipFile(file, "w", compression=zipfile.ZIP_DEFLATED) as archive:
            _nest_packages(made, archive)
            for path in sorted(START.glob("*.py")):
                archive.writestr(zipfile.ZipInfo(path.name, EPOCH), path.read_bytes())
            constants = "".join(f"{name} = {value!r}\n" for name, value in facts.items())
            archive.writestr(zipfile.ZipInfo("mftctl_build.py", EPOCH), constants)
    target.chmod(0o755)


def _nest_packages(made: Path, archive: zipfile.ZipFile) -> None:
    """Put the packages of shiv's archive into one of their own, in ours.

    Each start of Python reads the whole list of the file that it runs: of 2,000 packed modules, for nothing.
    """
    packages = io.BytesIO()
    with zipfile.ZipFile(made) as whole, zipfile.ZipFile(packages, "w", zipfile.ZIP_DEFLATED) as inner:
        for entry in whole.infolist():
            to = inner if entry.filename.startswith("site-packages/") else archive
            to.writestr(entry, whole.read(entry), zipfile.ZIP_DEFLATED)
    archive.writestr(zipfile.ZipInfo("site-packages.zip", EPOCH), packages.getvalue(), zipfile.ZIP_STORED)


if __name__ == "__main__":
    main()
