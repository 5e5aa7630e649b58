"""Exceptions of the Deployer; Metaflow adds them to `metaflow.exception`."""

from metaflow.exception import MetaflowException


class TemporalDeployerError(MetaflowException, RuntimeError):
    """An error of mftctl: an operation that it refused, or that failed."""

    headline = "Temporal deployment failed"

    def __init__(self, message: str, code: str = "failed", exit_code: int = 1, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self._code = code
        self._exit_code = exit_code
        self._hint = hint

    # Properties, because the stubs that Metaflow makes for type checkers know no attributes.
    @property
    def code(self) -> str:
        """The stable code of the error, such as `deployment.unknown`."""
        return self._code

    @property
    def exit_code(self) -> int:
        """The exit code of the command line for this error."""
        return self._exit_code

    @property
    def hint(self) -> str:
        """What to do next; may be empty."""
        return self._hint
