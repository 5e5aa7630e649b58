"""A flow that is deployed on Temporal, as Metaflow's Deployer returns it."""

import json
import os
from typing import Any, ClassVar, Dict, Iterable, Iterator, List, Optional

from metaflow.exception import TemporalDeployerError
from metaflow.runner.deployer import DeployedFlow

from . import deployment_lookup
from .deployer_processes import query, run_command
from .parameter_keywords import as_run_params
from .triggered_run import TemporalTriggeredRun

_STATES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class TemporalDeployedFlow(DeployedFlow):
    """
    A class representing a flow deployed on Temporal.
    """

    TYPE: ClassVar[Optional[str]] = "temporal"

    @property
    def id(self) -> str:
        """
        Get the identifier of the deployed flow, for `from_deployment`.

        Returns
        -------
        str
            The name of the deployment, with the server and the profile of the Deployer.
        """
        return json.dumps({"name": self.name, **self.deployer.connection})

    @classmethod
    def from_deployment(cls, identifier: str, metadata: Optional[str] = None) -> "TemporalDeployedFlow":
        """
        Retrieve a `TemporalDeployedFlow` object from an identifier. The flow's file is not needed.

        Parameters
        ----------
        identifier : str
            The name of the deployment (`project.branch.Flow`), its last part if that is unambiguous, or the `id` of
            a deployed flow.
        metadata : str, optional, default None
            Metadata provider of the runs; that of the deployment if this is not specified.

        Returns
        -------
        TemporalDeployedFlow
            The deployed flow.

        Raises
        ------
        TemporalDeployerError
            If the deployment is not found, or the name is ambiguous.
        """
        return cls.on_server({}, identifier, metadata)

    @classmethod
    def on_server(
        cls, connection: Dict[str, Any], identifier: str, metadata: Optional[str] = None
    ) -> "TemporalDeployedFlow":
        """As `from_deployment`, from the server of a Deployer's `connection`; that of an `id` takes precedence."""
        name, own_connection = deployment_lookup.parse_identifier(identifier)
        connection = {**connection, **own_connection}
        # The manifest names the flow: `identifier.split(".")[-1]`, as on other orchestrators, is not its name, because
        # `--name` may set any name.
        manifest = query(dict(os.environ), connection, "find_deployment", name=name)
        return cls(deployer=deployment_lookup.deployer_of(manifest, connection, metadata))

    @classmethod
    def list_deployed_flows(cls, flow_name: Optional[str] = None) -> Iterator["TemporalDeployedFlow"]:
        """
        List the deployed flows.

        Parameters
        ----------
        flow_name : str, optional, default None
            If specified, only list deployments of this flow. If None, list all deployments.

        Yields
        ------
        TemporalDeployedFlow
            The deployed flows, ordered by name.
        """
        for manifest in query(dict(os.environ), {}, "list_deployments", flow=flow_name):
            yield cls(deployer=deployment_lookup.deployer_of(manifest, {}, None))

    @classmethod
    def get_triggered_run(
        cls, identifier: str, run_id: str, metadata: Optional[str] = None
    ) -> TemporalTriggeredRun:
        """
        Retrieve a `TemporalTriggeredRun` object from an identifier and a run id.

        Parameters
        ----------
        identifier : str
            The name of the deployment, or the `id` of a deployed flow.
        run_id : str
            The id of the run. The server is not asked whether it exists; `status` does so.
        metadata : str, optional, default None
            Metadata provider of the run; that of the deployment if this is not specified.

        Returns
        -------
        TemporalTriggeredRun
            The triggered run.
        """
        run_id = run_id.rsplit("/", 1)[-1]
        return cls.from_deployment(identifier, metadata)._triggered(run_id)  # noqa: SLF001 - its own class

    @property
    def production_token(self) -> Optional[str]:
        """
        Get the production token of the deployed flow. Others need it to change the deployment.

        Returns
        -------
        str, optional
            The production token, or None if the deployment was deleted.
        """
        try:
            token = self._query("get_deployment", name=self.name).get("token")
        except TemporalDeployerError as error:
            if error.code != "deployment.unknown":
                raise
            return None
        return None if token is None else str(token)

    def trigger(self, run_params: Optional[Iterable[str]] = None, **kwargs: Any) -> TemporalTriggeredRun:
        """
        Trigger a new run for the deployed flow.

        Parameters
        ----------
        run_params : Iterable[str], optional, default None
            Parameters of the flow as text, `name=value`.
        tags : List[str], optional, default None
            Tags of this run, in addition to those of the deployment.
        run_id : str, optional, default None
            Id of the run. A second trigger with the same id starts no second run.
        task_queue : str, optional, default None
            Task queue of this run; that of the deployment if this is not specified.
        workflow_timeout : int, optional, default None
            Stop this run after this time, in seconds.
        **kwargs : Any
            `Parameters` of the flow. A parameter with the name of an option above takes its place.

        Returns
        -------
        TemporalTriggeredRun
            The triggered run.

        Raises
        ------
        TemporalDeployerError
            If the value of a parameter is invalid, or the deployment was deleted.
        """
        if run_params is not None:
            if not isinstance(run_params, str):  # a str is the value of a parameter that is named so
                run_params = list(run_params)
            kwargs["run_params"] = run_params
        given = as_run_params(self.deployer, kwargs)
        return TemporalTriggeredRun(self.deployer, json.dumps(run_command(self.deployer, "trigger", **given)))

    #: The name in metaflow-temporal.
    run = trigger

    def resume(
        self, origin_run_id: Optional[str] = None, step_to_rerun: Optional[str] = None, **kwargs: Any
    ) -> TemporalTriggeredRun:
        """
        Resume a run as a new run that reuses its results, as `python flow.py resume` does.

        Parameters
        ----------
        origin_run_id : str, optional, default None
            Id of the run to resume; the latest run of the deployment if this is not specified.
        step_to_rerun : str, optional, default None
            Run this step and all steps after it again, even if they succeeded.
        **kwargs : Any
            `Parameters` of the flow that differ from those of the origin run.

        Returns
        -------
        TemporalTriggeredRun
            The new run.

        Raises
        ------
        TemporalDeployerError
            If the run or the step is not found, the run has not ended, or the value of a parameter is invalid.
        """
        if origin_run_id is None:
            origin_run_id = "@latest"
        options: Dict[str, Any] = {"run_id": origin_run_id, "new_run": True}
        if step_to_rerun is not None:
            options["step"] = step_to_rerun
        given = [f"{name}={_text(value)}" for name, value in kwargs.items() if value is not None]
        if given:
            options["run_params"] = given
        return TemporalTriggeredRun(
            self.deployer, json.dumps(run_command(self.deployer, "resume", **options))
        )

    def delete(self, **kwargs: Any) -> bool:
        """
        Delete the deployment. Its runs continue.

        Parameters
        ----------
        authorize : str, optional, default None
            Authorize the deletion with the production token, if somebody else has deployed the flow.

        Returns
        -------
        bool
            True if the command was successful, False if the deployment is not found.
        """
        try:
            run_command(self.deployer, "delete", **kwargs)
        except TemporalDeployerError as error:
            if error.code == "deployment.unknown":
                return False
            raise
        return True

    def list_runs(self, states: Optional[List[str]] = None) -> List[TemporalTriggeredRun]:
        """
        List the runs of the deployment, the latest first.

        Parameters
        ----------
        states : List[str], optional, default None
            If specified, only list runs in these states: RUNNING (includes SUSPENDED), SUCCEEDED, FAILED,
            TIMED_OUT, ABORTED.

        Returns
        -------
        List[TemporalTriggeredRun]
            The triggered runs, at most 1000.

        Raises
        ------
        ValueError
            If a state is unknown or given twice.
        """
        wanted = list(states or [])
        if not set(wanted).issubset(_STATES) or len(set(wanted)) != len(wanted):
            raise ValueError(f"states {wanted} must be some of {', '.join(_STATES)}, each once")
        run_ids = self._query("list_runs", name=self.name, flow=self.flow_name, states=wanted)
        return [self._triggered(run_id) for run_id in run_ids]

    def _triggered(self, run_id: str) -> TemporalTriggeredRun:
        content = {
            "name": self.name,
            "metadata": self.metadata,
            "pathspec": f"{self.flow_name}/{run_id}",
        }
        return TemporalTriggeredRun(self.deployer, json.dumps(content))

    def _query(self, what: str, **arguments: Any) -> Any:
        return query(self.deployer.env_vars, self.deployer.connection, what, **arguments)


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else str(value)
