"""Build the files of a release, the same bytes each time, into dist/release/VERSION.

    python packaging/release.py [--draft] [--output FOLDER]

A release needs a section of its version in CHANGELOG.md and a work tree without changes; `--draft` skips both checks.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import build_zipapp

ROOT = Path(__file__).resolve().parents[1]
#: The manual page, which `./just reference` makes.
MANUAL = ROOT / "docs" / "reference" / "commands" / "mftctl.1"
#: Named, or the list would name the index that the builder's machine is set to.
INDEX = "https://pypi.org/simple"


def main() -> None:
    """Build all files, and list them with their checksums."""
    parser = argparse.ArgumentParser(description="Build the files of a release.")
    parser.add_argument(
        "--draft", action="store_true", help="skip the checks of CHANGELOG.md and the work tree"
    )
    parser.add_argument("--output", type=Path, help="folder for the files (default: dist/release/VERSION)")
    options = parser.parse_args()
    version = read_version(ROOT)
    if not options.draft and (problems := find_problems(ROOT, version)):
        sys.exit("\n".join(f"release: {problem}" for problem in problems))
    folder: Path = (options.output or ROOT / "dist" / "release" / version).absolute()
    build(folder, version)
    print(f"{folder}\n{(folder / 'SHA256SUMS').read_text()}", end="")


def build(folder: Path, version: str) -> None:
    """Write the wheel, the zipapp, the list of packages, the manual page and the checksums to an empty `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    zipapp = folder / f"mftctl-{version}-{sys.platform}-{os.uname().machine}"
    build_zipapp.build(zipapp)
    with tempfile.TemporaryDirectory(dir=build_zipapp.BUILD) as temporary:
        wheel = build_zipapp.build_wheel(Path(temporary))
        shutil.copyfile(wheel, folder / wheel.name)
    write_bom(folder / f"mftctl-{version}.cdx.json", version)
    shutil.copyfile(MANUAL, folder / MANUAL.name)
    write_checksums(folder)


def read_version(root: Path) -> str:
    """The version that the source has."""
    found = re.search(r'^__version__ = "(.+)"$', (root / "mftctl" / "__init__.py").read_text(), re.MULTILINE)
    if found is None:
        raise LookupError("mftctl/__init__.py has no __version__")
    return found[1]


def find_problems(root: Path, version: str) -> list[str]:
    """What keeps this checkout from being released."""
    problems = []
    if not re.search(rf"^## \[{re.escape(version)}\]", (root / "CHANGELOG.md").read_text(), re.MULTILINE):
        problems.append(
            f"CHANGELOG.md has no section [{version}]: rename [Unreleased], or change __version__"
        )
    changes = subprocess.run(
        ["git", "status", "--porcelain"], cwd=root, check=True, capture_output=True, text=True
    )
    if changes.stdout:
        problems.append("the work tree has changes: commit or stash them")
    return problems


def write_bom(target: Path, version: str) -> None:
    """Write the software bill of materials (CycloneDX): each package that the zipapp brings, with its hashes."""
    made = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(build_zipapp.LOCK)),
            *("--index-url", INDEX, "--pyproject", str(ROOT / "pyproject.toml")),
            *("--output-reproducible", "--no-validate"),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    bom: dict[str, Any] = json.loads(made.stdout)
    # The tool reads neither a dynamic version nor what needs what.
    root = bom["metadata"]["component"]
    root |= {"version": version, "purl": f"pkg:pypi/{root['name']}@{version}"}
    packages = sorted(component["bom-ref"] for component in bom["components"])
    others = [one for one in bom["dependencies"] if one["ref"] != root["bom-ref"]]
    bom["dependencies"] = [*others, {"ref": root["bom-ref"], "dependsOn": packages}]
    target.write_text(json.dumps(bom, indent=2, sort_keys=True) + "\n")


def write_checksums(folder: Path) -> None:
    """Write SHA256SUMS, which `sha256sum --check` reads, of all files of a folder."""
    files: Iterable[Path] = sorted(folder.iterdir())
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


if __name__ == "__main__":
    main()
