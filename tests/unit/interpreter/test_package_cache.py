"""A code package in the cache is used only while it is whole."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from mftctl.interpreter.inside import package_archive, package_cache
from mftctl.model.manifest import Package

FILES = {"flow.py": "print('flow')\n", "helpers/__init__.py": "", "helpers/more.py": "x = 1\n"}


class Backend:
    """Metaflow's package backend, for archives of this test."""

    @staticmethod
    def cls_open(source: io.BytesIO) -> tarfile.TarFile:
        return tarfile.open(fileobj=source)

    @staticmethod
    def cls_extract_members(archive: tarfile.TarFile, dest_dir: str) -> None:
        archive.extractall(dest_dir, filter="data")


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Unpacks the archive, and where to."""
    import metaflow.package

    monkeypatch.setattr(metaflow.package.MetaflowPackage, "get_backend", lambda _: Backend)
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w") as archive:
        for name, text in FILES.items():
            about = tarfile.TarInfo(name)
            about.size = len(text)
            archive.addfile(about, io.BytesIO(text.encode()))
    folder = tmp_path / "packages" / "sha"
    made = Package(sha="sha", url="", metadata="")

    def unpack() -> Path:
        package_archive.unpack(made, blob.getvalue(), str(folder))
        return folder

    return unpack


def content(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in FILES}


@pytest.mark.parametrize("broken", ["gone", "shorter", "changed", "empty", "unlisted"])
def test_a_broken_package_is_unpacked_anew(unpacked, broken: str) -> None:
    """A package that lacks a file, or has another than was unpacked, is not whole, and is unpacked again."""
    folder = unpacked()
    assert package_cache.is_whole(str(folder))
    if broken == "gone":
        (folder / "flow.py").unlink()
    elif broken == "shorter":
        (folder / "helpers" / "more.py").write_text("")
    elif broken == "changed":
        (folder / "flow.py").write_text("print('work')\n")
    elif broken == "empty":
        for name in FILES:
            (folder / name).unlink()
    else:
        (folder / ".mf_listing").write_text("{")
    assert not package_cache.is_whole(str(folder))
    assert unpacked() == folder
    assert package_cache.is_whole(str(folder))
    assert content(folder) == FILES
    assert [one.name for one in folder.parent.iterdir()] == ["sha"]


def test_a_whole_package_is_left_as_it_is(unpacked) -> None:
    """Whoever comes second uses the folder that is there, with what imports have left in it."""
    folder = unpacked()
    (folder / "__pycache__").mkdir()
    inode = folder.stat().st_ino
    assert package_cache.is_whole(str(unpacked()))
    assert folder.stat().st_ino == inode
