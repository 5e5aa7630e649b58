"""The recording in README and the site: a picture that moves by itself and asks nobody for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[3]
PICTURE = ROOT / "docs" / "assets" / "run.svg"


def check(picture: str) -> None:
    """It is small, well formed and moves; it has no script and names no address; the run that it shows ended well."""
    assert len(picture.encode()) < 150_000
    tree = ET.fromstring(picture)  # noqa: S314 - it is our own
    assert {element.tag.partition("}")[2] for element in tree.iter()} == {
        *("svg", "title", "style", "rect", "circle", "defs", "g", "use", "text")
    }
    assert re.findall(r"(?:href|src)=\"(?!#)|url\(|@import|\bon\w+=", picture) == []
    assert "@keyframes" in picture
    assert "prefers-reduced-motion" in picture
    words = ["".join(element.itertext()) for element in tree.iter("{http://www.w3.org/2000/svg}g")]
    assert any(re.match(r"Done: run temporal-\w+-\w+ completed in ", line) for line in words)


def test_the_recording_needs_nothing_else() -> None:
    """What is committed (`./just demo-recording` makes it anew) is what README and the first page show."""
    check(PICTURE.read_text("utf-8"))
    assert "](docs/assets/run.svg)" in (ROOT / "README.md").read_text("utf-8")
    assert "](assets/run.svg)" in (ROOT / "docs" / "index.md").read_text("utf-8")


@pytest.mark.soak
def test_a_real_run_is_recorded(tmp_path: Path) -> None:
    """`./just demo-recording` records a run in a real terminal."""
    scripts = Path(sys.executable).parent
    command = [sys.executable, ROOT / "packaging" / "recording.py", "--output", tmp_path / "run.svg"]
    build = [sys.executable, ROOT / "packaging" / "build_zipapp.py"]
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    for each in (build, command):
        subprocess.run(each, check=True, env=environment, stdout=subprocess.DEVNULL)
    check((tmp_path / "run.svg").read_text("utf-8"))
