"""Runs that were started on Temporal, as Metaflow's Deployer gives them."""

import time
from typing import TYPE_CHECKING, Any, Dict, Optional

from metaflow.exception import TemporalDeployerError
from metaflow.runner.deployer import TriggeredRun

from .calls import ask, call

if TYPE_CHECKING:
    import metaflow

_UNFINISHED = ("PENDING", "RUNNING", "SUSPENDED")


class TemporalTriggeredRun(TriggeredRun):
    """
    A run that was started on Temporal.
    """

    @property
    def run_id(self) -> str:
        """
        The run's id, both Metaflow's and Temporal's.

        Returns
        -------
        str
            The id.
        """
        return str(self.pathspec.split("/")[1])

    @property
    def run(self) -> Optional["metaflow.Run"]:
        """
        The Metaflow `Run`.

        Returns
        -------
        Run, optional
            None until its first task has started.
        """
        from metaflow import Run, get_metadata
        from metaflow.exception import MetaflowNotFound

        elsewhere = self.metadata_for_flow if self.metadata_for_flow != get_metadata() else None
        try:
            return Run(self.pathspec, _namespace_check=False, _current_metadata=elsewhere)
        except MetaflowNotFound:
            return None

    @property
    def status(self) -> str:
        """
        The state of the run.

        Returns
        -------
        str
            PENDING, RUNNING, SUSPENDED, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
        """
        about = {"run_id": self.run_id, "flow": self.pathspec.split("/")[0]}
        found = ask(self.deployer.env_vars, self.deployer.connection, "status", **about)
        return "PENDING" if found == "RUNNING" and self.run is None else str(found)

    @property
    def is_running(self) -> bool:
        """
        Whether the run is not over yet.

        Returns
        -------
        bool
            True for PENDING, RUNNING and SUSPENDED.
        """
        return self.status in _UNFINISHED

    def wait_for_completion(self, check_interval: float = 5, timeout: Optional[float] = None) -> None:
        """
        Wait for the run's end, whichever way it goes.

        Parameters
        ----------
        check_interval : float, default 5
            Seconds between looks at the run.
        timeout : float, optional, default None
            Seconds to wait at most.

        Raises
        ------
        TimeoutError
            If the run has not ended in this time; it goes on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.is_running:
            left = check_interval if deadline is None else deadline - time.monotonic()
            if left <= 0 and deadline is not None:
                raise TimeoutError(f"{self.pathspec} has not ended within {timeout} seconds")
            time.sleep(min(check_interval, left))

    def terminate(self, **kwargs: Any) -> bool:
        """
        End the run at once.

        Parameters
        ----------
        authorize : str, optional, default None
            The production token, if somebody else has deployed the flow.

        Returns
        -------
        bool
            False if the run was over already.
        """
        return self._steer("terminate", kwargs)

    def suspend(self, **kwargs: Any) -> bool:
        """
        Let the run start no new task; those that run finish.

        Parameters
        ----------
        authorize : str, optional, default None
            The production token, if somebody else has deployed the flow.

        Returns
        -------
        bool
            False if the run was over already.
        """
        return self._steer("suspend", kwargs)

    def unsuspend(self, **kwargs: Any) -> bool:
        """
        Let a suspended run go on.

        Parameters
        ----------
        authorize : str, optional, default None
            The production token, if somebody else has deployed the flow.

        Returns
        -------
        bool
            False if the run was over already.
        """
        return self._steer("unsuspend", kwargs)

    def _steer(self, command: str, options: Dict[str, Any]) -> bool:
        try:
            call(self.deployer, command, run_id=self.run_id, **options)
        except TemporalDeployerError as error:
            if error.code == "run.over":
                return False
            raise
        return True
