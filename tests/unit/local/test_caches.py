"""What is kept on this machine, and what cleaning leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mftctl.interpreter.inside.package_cache import hold
from mftctl.local import caches


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of the test's own, with three code packages, a working folder of each, and two bundles."""
    for variable, name in (("MFTCTL_CACHE", "cache"), ("MFTCTL_DATA", "data"), ("SHIV_ROOT", "bundles")):
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("a1", "b2", "c3"):
        for folder in (tmp_path / "cache" / "packages" / name, tmp_path / "cache" / "work" / f"{name}-place"):
            folder.mkdir(parents=True)
            (folder / "flow.py").write_text("x" * 100)
    for age, name in enumerate(("new", "old", "older")):
        (tmp_path / "bundles" / name / "site-packages").mkdir(parents=True)
        os.utime(tmp_path / "bundles" / name, (1e9 - age, 1e9 - age))
    return tmp_path


def left(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def test_what_a_process_holds_stays(places: Path) -> None:
    """A package that a flow host has loaded, with its working folder, until that process is gone, be it killed."""
    package = places / "cache" / "packages" / "b2"
    program = (
        "import sys, time\nfrom mftctl.interpreter.inside.package_cache import hold\n"
        "print(hold(sys.argv[1]), flush=True)\ntime.sleep(99)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, package], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert {cache.name: cache.in_use for cache in caches.list_caches()}["code packages"] == 1
        cleaned = caches.clean()
        assert left(places / "cache" / "packages") == {"b2"}
        assert left(places / "cache" / "work") == {"b2-place"}
        assert cleaned.bytes == 400
        holder.kill()
    caches.clean()
    assert left(places / "cache" / "packages") == set()
    assert left(places / "cache" / "work") == set()


def test_forks_of_a_process_hold_what_it_holds(places: Path) -> None:
    """Tasks outlive their flow host for a moment, and their code stays as long."""
    package = places / "cache" / "packages" / "b2"
    program = (
        "import os, sys\nfrom mftctl.interpreter.inside.package_cache import hold\nhold(sys.argv[1])\n"
        "if os.fork(): os._exit(0)\nprint('forked', flush=True)\nsys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, package], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "forked\n"
        caches.clean()
        assert left(places / "cache" / "packages") == {"b2"}
        holder.communicate()


def test_the_bundle_used_last_stays(places: Path) -> None:
    """The next start of the zipapp finds it."""
    caches.clean()
    assert left(places / "bundles") == {"new"}


def test_what_was_left_half_done_goes(places: Path) -> None:
    """At once what somebody was removing, after a day what somebody was unpacking."""
    packages = places / "cache" / "packages"
    for name in (".unpacking-old", ".unpacking-new", ".removing-1-x"):
        (packages / name).mkdir()
    os.utime(packages / ".unpacking-old", (1e9, 1e9))
    caches.clean()
    assert left(packages) == {".unpacking-new"}


def test_what_has_gone_cannot_be_held(places: Path) -> None:
    """Whoever wanted it fetches it again."""
    assert not hold(str(places / "cache" / "packages" / "gone"))


def test_the_history_of_runs_is_never_cleaned_away(places: Path) -> None:
    """The embedded server's database is shown, and stays."""
    (places / "data").mkdir()
    (places / "data" / "temporal.db").write_text("history")
    caches.clean()
    kept = {cache.name: cache for cache in caches.list_caches()}["embedded server"]
    assert (kept.bytes, kept.cleanable) == (7, False)
