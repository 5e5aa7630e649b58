"""The code package of a deployment, and warnings of what its flow needs and the package lacks."""

from __future__ import annotations

from ..console.text import format_size
from ..interpreter.inside.not_packaged import outside
from ..model.package_contents import Contents, suffix_of
from ..results.deployment_results import Package


def line(contents: Contents) -> str:
    """A row of the text."""
    files = "1 file" if len(contents.files) == 1 else f"{len(contents.files)} files"
    return f"package\t{files} and {contents.others} of Metaflow, {format_size(contents.size)}"


def data(contents: Contents, *, listed: bool = False) -> Package:
    """The package; ``listed``: with its files."""
    return Package(
        files=len(contents.files),
        metaflow_files=contents.others,
        size=contents.size,
        missing=tuple(contents.missing),
        missing_modules=tuple(contents.modules),
        list=tuple(contents.files) if listed else None,
    )


def warnings(contents: Contents) -> list[str]:
    """What its tasks will lack, and how to package it."""
    found = []
    if contents.missing:
        names = ", ".join(contents.missing)
        suffixes = ",".join(sorted({suffix_of(name) for name in contents.missing}))
        found.append(
            f"warning: the flow names {names}, which its code package lacks: "
            f"deploy with --package-suffixes {suffixes}"
        )
    if contents.modules:
        found.append(f"warning: {outside(contents.modules)}")
    return found
