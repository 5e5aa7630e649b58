"""What the Deployer raises; Metaflow takes it into `metaflow.exception`."""

from metaflow.exception import MetaflowException


class TemporalDeployerError(MetaflowException, RuntimeError):
    """What mftctl refused or could not do."""

    headline = "Temporal deployment failed"

    def __init__(self, message: str, code: str = "failed", exit_code: int = 1, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self._code = code
        self._exit_code = exit_code
        self._hint = hint

    # Properties, because the stubs that Metaflow makes for type checkers know no attributes.
    @property
    def code(self) -> str:
        """A stable name, such as `deployment.unknown`."""
        return self._code

    @property
    def exit_code(self) -> int:
        """The exit code that the command line has for it."""
        return self._exit_code

    @property
    def hint(self) -> str:
        """What to do next, or nothing."""
        return self._hint
