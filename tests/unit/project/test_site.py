"""The documentation site: its build is strict, it works without the network, and it names only files that are there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
#: Folders that a path in a page may begin in.
FOLDERS = (ROOT, ROOT / "mftctl", ROOT / "tests")
CODE = re.compile(r"(?<![\w./~-])(?:[a-z_]\w*/)+[\w.-]+\.(?:py|sh|toml|json)\b")
#: `python -m sphinx`, which keeps its trees to the end: to look for garbage among them takes a sixth of the time.
BUILD = "import gc, sys; gc.disable(); from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"
PAGE = re.compile(r"\bdocs/[\w/.-]+\.(?:md|1)\b")

pytestmark = pytest.mark.xdist_group("site")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `./just docs` builds it."""
    out = tmp_path_factory.mktemp("site")
    options = ["--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
    command = [sys.executable, "-c", BUILD, *options, DOCS, out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


def test_no_page_loads_anything_from_the_network(site: Path) -> None:
    """Scripts, styles, fonts and pictures are files of the site."""
    loads = re.compile(r"""(?:\bsrc=|<link[^>]*\bhref=|\burl\(|@import )["']?(?:https?:)?//""")
    files = [*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg")]
    assert [file.name for file in files if loads.search(file.read_text("utf-8"))] == []


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on PATH")
def test_a_browser_shows_the_pages_on_any_screen(site: Path, browser: Browser) -> None:
    """No request leaves the site, no word on the console, nothing wider than the screen, in light and in dark."""
    for page in ("index", "explanation/architecture", "reference/profiles", "reference/commands/deploy"):
        for scheme in ("light", "dark"):
            browser.show(scheme, 400)
            browser.open(site / f"{page}.html")
            for width in (400, 1000, 1600):
                browser.show(scheme, width)
                assert browser.value("document.documentElement.scrollWidth") <= width
            light = browser.value("getComputedStyle(document.body).backgroundColor")
            assert (light == "rgb(255, 255, 255)") == (scheme == "light")
            assert [url for url in browser.requests if not url.startswith(site.as_uri())] == []
            assert browser.complaints == []


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on PATH")
def test_search_works_from_local_files(site: Path, browser: Browser) -> None:
    """A word of a page finds that page."""
    browser.open(site / "search.html", "q=unpause")
    until = time.monotonic() + 30
    found = "[...document.querySelectorAll('#search-results li a')].map(a => a.pathname).join()"
    while "runs-unpause.html" not in browser.value(found):
        assert time.monotonic() < until
    assert [url for url in browser.requests if not url.startswith(site.as_uri())] == []
    assert browser.complaints == []


def test_links_beside_the_site_lead_to_files() -> None:
    """Those of README.md and of the other pages beside it."""
    broken = [
        f"{page.name}: {target}"
        for page in ROOT.glob("*.md")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (ROOT / target).exists()
    ]
    assert broken == []


def test_files_that_pages_name_are_there() -> None:
    """A page names a file of the repository by its path, from the root, `mftctl` or `tests`."""
    gone = [
        f"{page.relative_to(ROOT)}: {path}"
        for page in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]
        if page.name != "CHANGELOG.md"
        for path in CODE.findall(page.read_text("utf-8"))
        if not any((folder / path).exists() for folder in FOLDERS)
    ]
    assert gone == []


def test_the_glossary_is_short() -> None:
    """At most 40 terms, each once, in the order of the alphabet."""
    rows = (DOCS / "glossary.md").read_text("utf-8").splitlines()
    terms = [row.split(" | ")[0].removeprefix("| ") for row in rows if row.startswith("| ")][1:]
    assert len(terms) <= 40
    assert terms == sorted(set(terms), key=str.lower)


def test_pages_that_code_names_are_there() -> None:
    """A comment or a message names a page by its path from the root."""
    files = [
        *(
            file
            for part in ("mftctl", "metaflow_extensions", "packaging", "tests")
            for file in (ROOT / part).rglob("*.py")
        ),
        *(ROOT / name for name in ("Justfile", "pyproject.toml", "CHANGELOG.md", ".ci/run")),
    ]
    gone = [
        f"{file.relative_to(ROOT)}: {path}"
        for file in files
        for path in PAGE.findall(file.read_text("utf-8"))
        if not (ROOT / path).exists()
    ]
    assert gone == []


def test_diagrams_are_those_of_their_texts(tmp_path: Path) -> None:
    """What is committed is what the text is now; `just diagrams` makes it so."""
    d2 = shutil.which("d2", path=str(Path(sys.executable).parent))
    assert d2 is not None
    for text in (DOCS / "diagrams").glob("*.d2"):
        drawn = tmp_path / "drawn.svg"
        words = [d2, "--theme", "0", "--dark-theme", "200", "--pad", "10", text, drawn]
        subprocess.run(words, check=True, capture_output=True)
        assert drawn.read_text() == text.with_suffix(".svg").read_text(), text.name
