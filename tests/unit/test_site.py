"""The documentation site: its build is strict, and it names only files that are there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `./just docs` builds it."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
    done = subprocess.run([*command, ROOT / "docs", out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.xdist_group("site")
def test_no_page_asks_the_network_for_anything(site: Path) -> None:
    """Scripts, styles, fonts and pictures are files of the site."""
    loads = re.compile(r"""(?:\bsrc=|<link[^>]*\bhref=|\burl\(|@import )["']?(?:https?:)?//""")
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert [file.name for file in files if loads.search(file.read_text("utf-8"))] == []


def test_links_of_the_readme_lead_to_files() -> None:
    """Also those of the other pages beside it."""
    broken = [
        f"{page.name}: {target}"
        for page in ROOT.glob("*.md")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (ROOT / target).exists()
    ]
    assert broken == []
