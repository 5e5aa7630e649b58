"""`mftctl completion`: scripts that complete commands in a shell."""

from typing import Literal

from .output import Result, write

Shell = Literal["bash", "zsh", "fish"]


def completion(shell: Shell, /) -> Result[None]:
    """Write the script that completes commands, options and names in a shell. Nothing of yours is changed.

    Names of deployments, runs and profiles are asked for when they are needed, for 300 ms at most.

    Parameters
    ----------
    shell
        bash, zsh or fish.
    """
    from . import completions, tree

    write(completions.script(shell, tree.commands()))
    return Result()
