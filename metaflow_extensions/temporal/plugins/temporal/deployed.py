"""Deployed flows and triggered runs, as Metaflow's Deployer gives them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from metaflow.runner.deployer import DeployedFlow, TriggeredRun

from . import recovered
from .calls import TemporalDeployerError, ask, call

_STATES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_UNFINISHED = ("PENDING", "RUNNING", "SUSPENDED")


class TemporalTriggeredRun(TriggeredRun):
    """A run that was started on Temporal."""

    @property
    def run_id(self) -> str:
        """The run's id, both Metaflow's and Temporal's."""
        return str(self.pathspec.split("/")[1])

    @property
    def run(self) -> Any:
        """The Metaflow `Run`, or None until its first task has started."""
        from metaflow import Run, get_metadata
        from metaflow.exception import MetaflowNotFound

        elsewhere = self.metadata_for_flow if self.metadata_for_flow != get_metadata() else None
        try:
            return Run(self.pathspec, _namespace_check=False, _current_metadata=elsewhere)
        except MetaflowNotFound:
            return None

    @property
    def status(self) -> str:
        """PENDING, RUNNING, SUSPENDED, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        found = ask(self.deployer.env_vars, self.deployer.connection, "status", run_id=self.run_id)
        return "PENDING" if found == "RUNNING" and self.run is None else str(found)

    @property
    def is_running(self) -> bool:
        """Whether the run is not over yet."""
        return self.status in _UNFINISHED

    def wait_for_completion(self, check_interval: float = 5, timeout: float | None = None) -> None:
        """Wait for the run's end, whichever way it goes; TimeoutError after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.is_running:
            if deadline is not None and time.monotonic() + check_interval > deadline:
                raise TimeoutError(f"{self.pathspec} has not ended within {timeout} seconds")
            time.sleep(check_interval)

    def terminate(self, **kwargs: Any) -> bool:
        """End the run at once; with `authorize` for somebody else's. False when it was over already."""
        return self._steer("terminate", kwargs)

    def suspend(self, **kwargs: Any) -> bool:
        """Let the run start no new task; those that run finish. False when it was over already."""
        return self._steer("suspend", kwargs)

    def unsuspend(self, **kwargs: Any) -> bool:
        """Let a suspended run go on. False when the run was over already."""
        return self._steer("unsuspend", kwargs)

    def _steer(self, command: str, options: dict[str, Any]) -> bool:
        try:
            call(self.deployer, command, run_id=self.run_id, **options)
        except TemporalDeployerError as error:
            if error.code == "run.over":
                return False
            raise
        return True


class TemporalDeployedFlow(DeployedFlow):
    """A flow that is deployed on Temporal."""

    TYPE: ClassVar[str | None] = "temporal"

    @property
    def id(self) -> str:
        """What `from_deployment` finds the deployment by from anywhere: its name and its server."""
        return json.dumps({"name": self.name, **self.deployer.connection})

    @classmethod
    def from_deployment(cls, identifier: str, metadata: str | None = None) -> TemporalDeployedFlow:
        """The deployed flow of that name; the flow's file is not needed.

        ``identifier`` is the whole name (`project.branch.Flow`), its last part where that is unambiguous, or an ``id``.
        """
        return cls.on_server({}, identifier, metadata)

    @classmethod
    def on_server(
        cls, connection: dict[str, Any], identifier: str, metadata: str | None = None
    ) -> TemporalDeployedFlow:
        """As `from_deployment`, on the server that ``connection`` means where an ``id`` does not say another."""
        name, told = recovered.identified(identifier)
        # The flow's class is the one that the server knows, not `identifier.split(".")[-1]`, as where deployments are
        # always called like their flows: with `--name` this one may be called anything.
        manifest = ask(dict(os.environ), connection | told, "named", name=name)
        return cls(deployer=recovered.deployer(manifest, connection | told, metadata))

    @classmethod
    def list_deployed_flows(cls, flow_name: str | None = None) -> Iterator[TemporalDeployedFlow]:
        """The deployed flows."""
        for row in ask(dict(os.environ), {}, "deployments"):
            if flow_name is None or row["flow"] == flow_name:
                yield cls.from_deployment(row["deployment"])

    @classmethod
    def get_triggered_run(
        cls, identifier: str, run_id: str, metadata: str | None = None
    ) -> TemporalTriggeredRun:
        """A run of the deployment of that name."""
        return cls.from_deployment(identifier, metadata)._triggered(run_id)  # noqa: SLF001 - its own class

    @property
    def production_token(self) -> str | None:
        """The production token, with which others may change the deployment."""
        try:
            token = self._ask("deployment", name=self.name).get("token")
        except TemporalDeployerError as error:
            if error.code != "deployment.unknown":
                raise
            return None
        return None if token is None else str(token)

    def trigger(self, run_params: Iterable[str] | None = None, **kwargs: Any) -> TemporalTriggeredRun:
        """Start a run with these parameters; `tags`, `task_queue` and `workflow_timeout` are for this run alone.

        ``run_params`` are parameters as `name=value`, where they come as text.
        """
        if run_params is not None:
            if not isinstance(run_params, str):  # else a parameter of the flow's own
                run_params = list(run_params)
            kwargs["run_params"] = run_params
        return TemporalTriggeredRun(self.deployer, json.dumps(call(self.deployer, "trigger", **kwargs)))

    #: The peer's name for it.
    run = trigger

    def resume(
        self, origin_run_id: str | None = None, step_to_rerun: str | None = None, **kwargs: Any
    ) -> TemporalTriggeredRun:
        """Start a run that begins with the results of another (default: the newest), as `python flow.py resume` does.

        ``kwargs``: parameters that differ from those of that run.
        """
        if origin_run_id is None:
            runs = self.list_runs()
            if not runs:
                raise TemporalDeployerError(f"{self.name} has no run to resume", "run.unknown", 4)
            origin_run_id = runs[0].run_id
        options: dict[str, Any] = {"run_id": origin_run_id, "new_run": True}
        if step_to_rerun is not None:
            options["step"] = step_to_rerun
        if kwargs:
            options["run_params"] = [f"{name}={_text(value)}" for name, value in kwargs.items()]
        return TemporalTriggeredRun(self.deployer, json.dumps(call(self.deployer, "resume", **options)))

    def delete(self, **kwargs: Any) -> bool:
        """Delete the deployment; runs that have begun go on. False when there is none."""
        try:
            call(self.deployer, "delete", **kwargs)
        except TemporalDeployerError as error:
            if error.code == "deployment.unknown":
                return False
            raise
        return True

    def list_runs(self, states: list[str] | None = None) -> list[TemporalTriggeredRun]:
        """Runs of the deployment, the newest first, in all or some of the states of Step Functions.

        Suspended ones are RUNNING here.
        """
        wanted = list(states or [])
        if not set(wanted).issubset(_STATES) or len(set(wanted)) != len(wanted):
            raise ValueError(f"states must be some of {', '.join(_STATES)}, each once: {wanted}")
        found = self._ask("runs", name=self.name, flow=self.flow_name, states=wanted)
        return [self._triggered(run_id) for run_id in found]

    def _triggered(self, run_id: str) -> TemporalTriggeredRun:
        content = {
            "name": self.name,
            "metadata": self.metadata,
            "pathspec": f"{self.flow_name}/{run_id}",
        }
        return TemporalTriggeredRun(self.deployer, json.dumps(content))

    def _ask(self, what: str, **about: Any) -> Any:
        return ask(self.deployer.env_vars, self.deployer.connection, what, **about)


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
