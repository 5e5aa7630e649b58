"""Deployed flows, as Metaflow's Deployer gives them."""

import json
import os
from typing import Any, ClassVar, Dict, Iterable, Iterator, List, Optional

from metaflow.exception import TemporalDeployerError
from metaflow.runner.deployer import DeployedFlow

from . import recovered
from .calls import ask, call
from .spelled import as_run_params
from .triggered import TemporalTriggeredRun

_STATES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class TemporalDeployedFlow(DeployedFlow):
    """
    A flow that is deployed on Temporal.
    """

    TYPE: ClassVar[Optional[str]] = "temporal"

    @property
    def id(self) -> str:
        """
        What `from_deployment` finds the deployment by.

        Returns
        -------
        str
            Its name, with the server and the profile that were named for it.
        """
        return json.dumps({"name": self.name, **self.deployer.connection})

    @classmethod
    def from_deployment(cls, identifier: str, metadata: Optional[str] = None) -> "TemporalDeployedFlow":
        """
        The deployed flow of that name; the flow's file is not needed.

        Parameters
        ----------
        identifier : str
            The whole name (`project.branch.Flow`), its last part where that is unambiguous, or the `id` of a
            deployed flow.
        metadata : str, optional, default None
            Metadata provider of its runs, if not that which it was deployed with.

        Returns
        -------
        TemporalDeployedFlow
            The deployed flow.

        Raises
        ------
        TemporalDeployerError
            If there is no such deployment, or several.
        """
        return cls.on_server({}, identifier, metadata)

    @classmethod
    def on_server(
        cls, connection: Dict[str, Any], identifier: str, metadata: Optional[str] = None
    ) -> "TemporalDeployedFlow":
        """
        As `from_deployment`, on the server that ``connection`` means where an ``id`` does not say another.

        Parameters
        ----------
        connection : Dict[str, Any]
            `profile`, `temporal_host` and `temporal_namespace`, each if it is known.
        identifier : str
            As for `from_deployment`.
        metadata : str, optional, default None
            As for `from_deployment`.

        Returns
        -------
        TemporalDeployedFlow
            The deployed flow.
        """
        name, told = recovered.identified(identifier)
        # The flow's class is the one that the server knows, not `identifier.split(".")[-1]`, as where deployments are
        # always called like their flows: with `--name` this one may be called anything.
        manifest = ask(dict(os.environ), connection | told, "named", name=name)
        return cls(deployer=recovered.deployer(manifest, connection | told, metadata))

    @classmethod
    def list_deployed_flows(cls, flow_name: Optional[str] = None) -> Iterator["TemporalDeployedFlow"]:
        """
        The deployed flows.

        Parameters
        ----------
        flow_name : str, optional, default None
            Only those of this flow.

        Yields
        ------
        TemporalDeployedFlow
            One after the other, by name.
        """
        for manifest in ask(dict(os.environ), {}, "deployments", flow=flow_name):
            yield cls(deployer=recovered.deployer(manifest, {}, None))

    @classmethod
    def get_triggered_run(
        cls, identifier: str, run_id: str, metadata: Optional[str] = None
    ) -> TemporalTriggeredRun:
        """
        A run of a deployment.

        Parameters
        ----------
        identifier : str
            Name of the deployment, or the `id` of a deployed flow.
        run_id : str
            The run's id.
        metadata : str, optional, default None
            Metadata provider of the run, if not that which the flow was deployed with.

        Returns
        -------
        TemporalTriggeredRun
            The run; whether there is one of that id, its `status` tells.
        """
        run_id = run_id.rsplit("/", 1)[-1]
        return cls.from_deployment(identifier, metadata)._triggered(run_id)  # noqa: SLF001 - its own class

    @property
    def production_token(self) -> Optional[str]:
        """
        The production token, with which others may change the deployment.

        Returns
        -------
        str, optional
            None if the deployment is not there any more.
        """
        try:
            token = self._ask("deployment", name=self.name).get("token")
        except TemporalDeployerError as error:
            if error.code != "deployment.unknown":
                raise
            return None
        return None if token is None else str(token)

    def trigger(self, run_params: Optional[Iterable[str]] = None, **kwargs: Any) -> TemporalTriggeredRun:
        """
        Start a run.

        Parameters
        ----------
        run_params : Iterable[str], optional, default None
            Parameters of the flow as `name=value`, where they come as text.
        tags : List[str], optional, default None
            Tag this run as well.
        run_id : str, optional, default None
            The run's id; with the same id again no second run starts.
        task_queue : str, optional, default None
            Task queue of this run.
        workflow_timeout : int, optional, default None
            Stop this run after these seconds.
        **kwargs : Any
            Parameters of the flow; one that is called like an option above is the parameter.

        Returns
        -------
        TemporalTriggeredRun
            The run.

        Raises
        ------
        TemporalDeployerError
            If a value does not fit, or the deployment is not there any more.
        """
        if run_params is not None:
            if not isinstance(run_params, str):  # else a parameter of the flow's own
                run_params = list(run_params)
            kwargs["run_params"] = run_params
        given = as_run_params(self.deployer, kwargs)
        return TemporalTriggeredRun(self.deployer, json.dumps(call(self.deployer, "trigger", **given)))

    #: The peer's name for it.
    run = trigger

    def resume(
        self, origin_run_id: Optional[str] = None, step_to_rerun: Optional[str] = None, **kwargs: Any
    ) -> TemporalTriggeredRun:
        """
        Start a run that begins with the results of another, as `python flow.py resume` does.

        Parameters
        ----------
        origin_run_id : str, optional, default None
            The other run; by default the newest of this deployment.
        step_to_rerun : str, optional, default None
            This step and what follows it run again, even if they went well.
        **kwargs : Any
            Parameters that differ from those of the other run.

        Returns
        -------
        TemporalTriggeredRun
            The new run.

        Raises
        ------
        TemporalDeployerError
            If there is no such run or step, the run still goes on, or a value does not fit.
        """
        if origin_run_id is None:
            runs = self.list_runs()
            if not runs:
                raise TemporalDeployerError(f"{self.name} has no run to resume", "run.unknown", 4)
            origin_run_id = runs[0].run_id
        options: Dict[str, Any] = {"run_id": origin_run_id, "new_run": True}
        if step_to_rerun is not None:
            options["step"] = step_to_rerun
        given = [f"{name}={_text(value)}" for name, value in kwargs.items() if value is not None]
        if given:
            options["run_params"] = given
        return TemporalTriggeredRun(self.deployer, json.dumps(call(self.deployer, "resume", **options)))

    def delete(self, **kwargs: Any) -> bool:
        """
        Delete the deployment; runs that have begun go on.

        Parameters
        ----------
        authorize : str, optional, default None
            The production token, if somebody else has deployed the flow.

        Returns
        -------
        bool
            False if there is no such deployment.
        """
        try:
            call(self.deployer, "delete", **kwargs)
        except TemporalDeployerError as error:
            if error.code == "deployment.unknown":
                return False
            raise
        return True

    def list_runs(self, states: Optional[List[str]] = None) -> List[TemporalTriggeredRun]:
        """
        Runs of the deployment, the newest first.

        Parameters
        ----------
        states : List[str], optional, default None
            Only those in these states: RUNNING (suspended ones, too), SUCCEEDED, FAILED, TIMED_OUT, ABORTED.

        Returns
        -------
        List[TemporalTriggeredRun]
            At most 1000.

        Raises
        ------
        ValueError
            If a state is none of these, or named twice.
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
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else str(value)
