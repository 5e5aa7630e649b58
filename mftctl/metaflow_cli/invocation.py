"""A command of `python flow.py temporal …` as it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..console.text import parse_duration
from ..control.runs.run_parameters import parse_words
from ..interpreter.inside.compile.build import deployment_name
from ..operations.command_options import Connection
from ..operations.run_id_file import check_writable
from ..profiles import Profile


@dataclass(frozen=True)
class Invocation:
    """``state`` is Metaflow's, ``options`` are those of the command and of its group, by their keywords."""

    state: Any
    options: Mapping[str, Any]
    connection: Connection
    profile: Profile

    @property
    def flow(self) -> str:
        """The name of the flow."""
        return str(self.state.flow.name)

    @property
    def deployment(self) -> str:
        """The name of the deployment."""
        named = self.options.get("deployment")
        return str(named) if named else deployment_name(self.state, self.options.get("name"))

    @property
    def workflow_timeout(self) -> float | None:
        """The timeout of a run in seconds."""
        timeout = self.options.get("workflow_timeout")
        return None if timeout is None else parse_duration(timeout, "--workflow-timeout")

    @property
    def run_params(self) -> dict[str, str]:
        """The values of ``--run-param NAME=VALUE``."""
        return parse_words(self.options.get("run_params") or ())

    def run_id_file(self) -> Path | None:
        """The file of ``--run-id-file``; MftctlError if it cannot be written."""
        named = self.options.get("run_id_file")
        file = Path(named) if named else None
        check_writable(file)
        return file

    def deployer_attributes(self, deployment: str) -> dict[str, Any]:
        """The attributes of a deployed flow that Metaflow's Deployer reads."""
        return {
            "name": deployment,
            "flow_name": self.flow,
            "metadata": self.state.metadata.metadata_str(),
        }

    def run_attributes(self, deployment: str, run_id: str) -> dict[str, Any]:
        """The attributes of a triggered run that Metaflow's Deployer reads."""
        return {
            "name": deployment,
            "metadata": self.state.metadata.metadata_str(),
            "pathspec": f"{self.flow}/{run_id}",
        }
