"""`Deployer("flow.py").temporal()`: Metaflow's Deployer, for deployments on a Temporal server."""

from typing import TYPE_CHECKING, Any, ClassVar, Dict, Optional, Type

from metaflow.runner.deployer_impl import DeployerImpl

if TYPE_CHECKING:
    import metaflow_extensions.temporal.plugins.temporal.deployed_flow

_CONNECTION = ("profile", "temporal_host", "temporal_namespace")


class TemporalDeployer(DeployerImpl):
    """
    Deployer implementation for Temporal.

    Parameters
    ----------
    name : str, optional, default None
        Name of the deployment. The flow's name is used instead if this is not specified. A flow with @project
        is named by its branch.
    profile : str, optional, default None
        Profile of mftctl's configuration file.
    temporal_host : str, optional, default None
        Temporal server as HOST:PORT.
    temporal_namespace : str, optional, default None
        Namespace on the Temporal server.
    """

    TYPE: ClassVar[Optional[str]] = "temporal"

    def __init__(self, deployer_kwargs: Dict[str, Any], **kwargs: Any) -> None:
        self._deployer_kwargs = deployer_kwargs
        super().__init__(**kwargs)

    @property
    def deployer_kwargs(self) -> Dict[str, Any]:
        """Options of the command group `temporal`."""
        return self._deployer_kwargs

    @property
    def connection(self) -> Dict[str, Any]:
        """The options that name the server."""
        return {key: value for key, value in self._deployer_kwargs.items() if key in _CONNECTION}

    @staticmethod
    def deployed_flow_type() -> Type[
        "metaflow_extensions.temporal.plugins.temporal.deployed_flow.TemporalDeployedFlow"
    ]:
        """The class of deployed flows."""
        # Not at the top, here and below: `import metaflow` imports this module, and would take 0.1 s longer.
        from .deployed_flow import TemporalDeployedFlow

        return TemporalDeployedFlow

    def create(
        self, **kwargs: Any
    ) -> "metaflow_extensions.temporal.plugins.temporal.deployed_flow.TemporalDeployedFlow":
        """
        Deploy a new version of the flow.

        Parameters
        ----------
        output : str, optional, default None
            Also write a worker file.
        only_json : bool, optional, default False
            Only compile the flow, into `additional_info["manifest"]` of the Deployer. Nothing is deployed.
        branch : str, optional, default None
            Branch of a flow with @project, if the Deployer has none.
        production : bool, optional, default False
            Production branch of a flow with @project, if the Deployer has none.
        profile : str, optional, default None
            As for `Deployer.temporal`; later calls, such as `trigger`, use the same server.
        temporal_host : str, optional, default None
            As for `Deployer.temporal`.
        temporal_namespace : str, optional, default None
            As for `Deployer.temporal`.
        tags : List[str], optional, default None
            Tag all runs.
        user_namespace : str, optional, default None
            Metaflow namespace of the runs (default: the user's).
        max_workers : int, optional, default None
            Tasks of a run at once (default: 100, or 16 with `mftctl run`).
        workflow_timeout : int, optional, default None
            Stop a run after this time, in seconds.
        workflow_title : str, optional, default None
            Title of the runs in Temporal's UI (default: flow and version).
        workflow_description : str, optional, default None
            Description of the runs in Temporal's UI (default: the flow's docstring).
        priority : int, optional, default None
            Priority among runs of the same task queue, 1 (first) to 5 (default: 3).
        task_queue : str, optional, default None
            Task queue of its workers (default: the deployment's own).
        step_queues : List[str], optional, default None
            STEP=QUEUE: task queue of a step's tasks, instead of the deployment's.
        schedule_overlap : str, optional, default None
            What happens to a run that is due while the previous one is running (default: skip). One of
            skip, buffer-one, cancel-other, allow-all.
        catchup_window : str, optional, default None
            Start runs that were missed at most this long ago, such as 1h or 7d (default: 1d).
        pause_on_failure : bool, optional, default False
            Pause the schedule when a run fails.
        notify_urls : List[str], optional, default None
            POST a JSON object to this URL when a run has ended.
        notify_key_env : str, optional, default None
            Variable of the worker with the key that signs notifications.
        authorize : str, optional, default None
            Production token of a flow that somebody else deployed; it is saved for the next time.
        generate_new_token : bool, optional, default False
            Make a new production token; the runs move to its namespace.
        given_token : str, optional, default None
            Use this production token; the runs move to its namespace.

        Returns
        -------
        TemporalDeployedFlow
            The deployed flow.

        Raises
        ------
        TemporalDeployerError
            If the flow is invalid, the deployment belongs to somebody else, or the server does not answer.
        """
        from .deployed_flow import TemporalDeployedFlow
        from .deployer_processes import run_command

        for name in ("branch", "production"):
            if kwargs.get(name):
                self.top_level_kwargs[name] = kwargs.pop(name)
        self._deployer_kwargs = {
            **self._deployer_kwargs,
            **{k: kwargs.pop(k) for k in _CONNECTION if k in kwargs},
        }
        answer = run_command(self, "create", **kwargs)
        self.name = answer["name"]
        self.flow_name = answer["flow_name"]
        self.metadata = answer["metadata"]
        self.additional_info = answer.get("additional_info", {})
        return TemporalDeployedFlow(deployer=self)

    def from_deployment(
        self, identifier: str, metadata: Optional[str] = None
    ) -> "metaflow_extensions.temporal.plugins.temporal.deployed_flow.TemporalDeployedFlow":
        """
        Retrieve a deployed flow from this Deployer's server, as `DeployedFlow.from_deployment` does.

        Parameters
        ----------
        identifier : str
            The name of the deployment, or its last part if that is unambiguous.
        metadata : str, optional, default None
            Metadata provider of the runs; that of the deployment if this is not specified.

        Returns
        -------
        TemporalDeployedFlow
            The deployed flow.
        """
        from .deployed_flow import TemporalDeployedFlow

        return TemporalDeployedFlow.on_server(self.connection, identifier, metadata)
