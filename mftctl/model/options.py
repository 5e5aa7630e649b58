"""What a deployment adds to its flow: the options of `deploy` and `run`, as the compiler gets them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional


@dataclass(frozen=True)
class Options:
    """Options of a deployment; None leaves Metaflow's own default.

    ``project_only``: branch and production are for flows with @project, and say nothing of others.
    ``workflow_timeout`` and ``catchup_window`` in seconds. ``configs`` and ``config_values`` are pairs of a Config's
    name and a file or JSON. ``title``, ``description`` and ``priority`` are those of `Manifest`.
    ``package_suffixes``: of files that the code package takes, by commas, beside Metaflow's own.
    ``notify``: pairs of a URL and the name of the variable with its key.
    ``given``: the names and values of the parameters of the run that is to start, for `run`.
    ``cwd``: the folder tasks run in, for `run`, whose tasks see what `python flow.py run` would show them.
    """

    decorators: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    namespace: Optional[str] = None
    branch: Optional[str] = None
    production: bool = False
    project_only: bool = False
    max_workers: Optional[int] = None
    workflow_timeout: Optional[float] = None
    title: Optional[str] = None
    description: Optional[str] = None
    priority: Optional[int] = None
    name: Optional[str] = None
    task_queue: Optional[str] = None
    metadata: Optional[str] = None
    datastore: Optional[str] = None
    datastore_root: Optional[str] = None
    environment: Optional[str] = None
    package_suffixes: Optional[str] = None
    configs: tuple[tuple[str, str], ...] = ()
    config_values: tuple[tuple[str, str], ...] = ()
    cwd: Optional[str] = None
    notify: tuple[tuple[str, Optional[str]], ...] = ()
    schedule_overlap: Optional[str] = None
    catchup_window: Optional[float] = None
    pause_on_failure: bool = False
    given: Optional[tuple[tuple[str, str], ...]] = None

    def without_branch(self) -> Options:
        """The same for a flow that has no branches."""
        return replace(self, branch=None, production=False)

    def arguments(self) -> list[str]:
        """Top-level options of the flow's command line."""
        named = {
            "metadata": self.metadata,
            "datastore": self.datastore,
            "datastore-root": self.datastore_root,
            "environment": self.environment,
            "package-suffixes": self.package_suffixes,
            "branch": self.branch,
        }
        return [
            "--quiet",
            "--no-pylint",
            *[f"--{name}={value}" for name, value in named.items() if value is not None],
            *(["--production"] if self.production else []),
            *[f"--with={spec}" for spec in self.decorators],
            *[part for name, file in self.configs for part in ("--config", name, file)],
            *[part for name, value in self.config_values for part in ("--config-value", name, value)],
        ]
