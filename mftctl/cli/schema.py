"""`mftctl schema`: JSON schemas of what the other commands write."""

from ..model.errors import Exit, MftctlError
from . import schemas
from .output import Result, write


def schema(name: str | None = None, /) -> Result:
    """Print the JSON schema of a command's output; without a name, list the names.

    Parameters
    ----------
    name
        The command with dots, such as runs.list; or error, or event, which is a line of `run -o jsonl`.
    """
    import json

    if name is None:
        write("".join(f"{one}\n" for one in schemas.names()))
        return Result()
    found = schemas.get(name.replace(" ", "."))
    if found is None:
        from ..profiles.keys import near

        raise MftctlError(
            f"there is no schema '{name}'",
            exit=Exit.NOT_FOUND,
            code="schema.unknown",
            hint=near(name, schemas.names()) or "`mftctl schema` lists them",
        )
    write(json.dumps(found, indent=2) + "\n")
    return Result()
