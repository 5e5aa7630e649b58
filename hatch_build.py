"""Build hook: add `top_level.txt` to the wheel's metadata.

Metaflow finds an installed extension by that file (`metaflow.extension_support`); setuptools writes it,
hatchling does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TopLevelHook(BuildHookInterface[Any]):
    """Writes the names of the importable packages beside the wheel's other metadata."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling calls it so
        """Hand hatchling the file, for ordinary and editable wheels alike."""
        names = Path(self.directory) / "top_level.txt"
        names.parent.mkdir(parents=True, exist_ok=True)
        names.write_text("metaflow_extensions\nmftctl\n")
        self._made = names
        name = self.metadata.core.name.replace("-", "_")
        target = f"{name}-{self.metadata.version}.dist-info/top_level.txt"
        build_data["force_include"][str(names)] = target
        build_data["force_include_editable"][str(names)] = target

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Leave nothing but the wheel in the output folder."""
        self._made.unlink()
