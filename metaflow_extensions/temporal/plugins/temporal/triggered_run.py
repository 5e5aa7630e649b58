"""A run that Metaflow's Deployer has triggered on Temporal."""

import time
from typing import TYPE_CHECKING, Any, Dict, Optional

from metaflow.exception import TemporalDeployerError
from metaflow.runner.deployer import TriggeredRun

from .deployer_processes import query, run_command

if TYPE_CHECKING:
    import metaflow

_UNFINISHED = ("PENDING", "RUNNING", "SUSPENDED")


class TemporalTriggeredRun(TriggeredRun):
    """
    A class representing a run triggered on Temporal.
    """

    @property
    def run_id(self) -> str:
        """
        Get the id of the run, which is also the workflow id on the Temporal server.

        Returns
        -------
        str
            The run id.
        """
        return str(self.pathspec.split("/")[1])

    @property
    def run(self) -> Optional["metaflow.Run"]:
        """
        Get the Metaflow `Run` object of the run.

        Returns
        -------
        Run, optional
            The `Run` object, or None if its first task has not started yet.
        """
        from metaflow import Run, get_metadata
        from metaflow.exception import MetaflowNotFound

        other_metadata = self.metadata_for_flow if self.metadata_for_flow != get_metadata() else None
        try:
            return Run(self.pathspec, _namespace_check=False, _current_metadata=other_metadata)
        except MetaflowNotFound:
            return None

    @property
    def status(self) -> str:
        """
        Get the status of the run.

        Returns
        -------
        str
            PENDING, RUNNING, SUSPENDED, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
        """
        flow = self.pathspec.split("/")[0]
        status = query(
            self.deployer.env_vars, self.deployer.connection, "status", run_id=self.run_id, flow=flow
        )
        return "PENDING" if status == "RUNNING" and self.run is None else str(status)

    @property
    def is_running(self) -> bool:
        """
        Check if the run has not ended yet.

        Returns
        -------
        bool
            True if the status is PENDING, RUNNING or SUSPENDED.
        """
        return self.status in _UNFINISHED

    def wait_for_completion(self, check_interval: float = 5, timeout: Optional[float] = None) -> None:
        """
        Wait until the run has ended, successfully or not.

        Parameters
        ----------
        check_interval : float, default 5
            Seconds between two checks of the status.
        timeout : float, optional, default None
            Maximum time to wait, in seconds. If None, waits indefinitely.

        Raises
        ------
        TimeoutError
            If the run has not ended within the timeout; the run continues.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.is_running:
            left = check_interval if deadline is None else deadline - time.monotonic()
            if left <= 0 and deadline is not None:
                raise TimeoutError(f"{self.pathspec} has not ended within {timeout} seconds")
            time.sleep(min(check_interval, left))

    def terminate(self, **kwargs: Any) -> bool:
        """
        Terminate the run immediately; its compensations do not run.

        Parameters
        ----------
        authorize : str, optional, default None
            Authorize the operation with the production token, if somebody else has deployed the flow.

        Returns
        -------
        bool
            True if the command was successful, False if the run has already ended.
        """
        return self._change("terminate", kwargs)

    def suspend(self, **kwargs: Any) -> bool:
        """
        Suspend the run: no new task starts, and running tasks finish.

        Parameters
        ----------
        authorize : str, optional, default None
            Authorize the operation with the production token, if somebody else has deployed the flow.

        Returns
        -------
        bool
            True if the command was successful, False if the run has already ended.
        """
        return self._change("suspend", kwargs)

    def unsuspend(self, **kwargs: Any) -> bool:
        """
        Unsuspend the suspended run.

        Parameters
        ----------
        authorize : str, optional, default None
            Authorize the operation with the production token, if somebody else has deployed the flow.

        Returns
        -------
        bool
            True if the command was successful, False if the run has already ended.
        """
        return self._change("unsuspend", kwargs)

    def _change(self, command: str, options: Dict[str, Any]) -> bool:
        try:
            run_command(self.deployer, command, run_id=self.run_id, **options)
        except TemporalDeployerError as error:
            if error.code == "run.over":
                return False
            raise
        return True
