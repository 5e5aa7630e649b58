"""`mftctl profile`: the commands."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..console.output import Result
from ..operations.command_options import Output, Unlimited

if TYPE_CHECKING:
    from ..results import profile_results


def list_(*, output: Output = Output()) -> Result["list[profile_results.Profile]"]:
    """List the profiles of the configuration file."""
    from ..operations import profile_operations

    return profile_operations.list_()


def show(
    name: str | None = None, /, *, options: Unlimited = Unlimited()
) -> Result["profile_results.Settings"]:
    """Show each setting in force and where it comes from, without secrets.

    Parameters
    ----------
    name
        The profile (default: the one in force).
    """
    from ..operations import profile_operations

    return profile_operations.show(options, name)


def use(name: str, /, *, output: Output = Output()) -> Result["profile_results.Changed"]:
    """Make a profile the default.

    Parameters
    ----------
    name
        The profile.
    """
    from ..operations import profile_operations

    return profile_operations.use(name)


def set_(name: str, /, *assignments: str, output: Output = Output()) -> Result["profile_results.Changed"]:
    """Set keys of a profile; a profile that does not exist is created. Comments in the file stay.

    Parameters
    ----------
    name
        The profile.
    assignments
        Each as key=value; of several tags, key=a,b; of several decorators, key='a b'.
    """
    from ..operations import profile_operations

    return profile_operations.set_(name, assignments)


def unset(
    name: str,
    /,
    *keys: str,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    output: Output = Output(),
) -> Result["profile_results.Changed"]:
    """Remove keys of a profile, or the whole profile.

    Parameters
    ----------
    name
        The profile.
    keys
        The keys.
    all_
        Remove the profile with all its keys.
    """
    from ..operations import profile_operations

    return profile_operations.unset(name, keys, whole=all_)


def path(*, output: Output = Output()) -> Result["profile_results.ConfigurationFile"]:
    """Print the path of the configuration file."""
    from ..operations import profile_operations

    return profile_operations.path()


def check(
    name: str | None = None, /, *, options: Unlimited = Unlimited()
) -> Result["profile_results.Checks"]:
    """Check that everything that a profile names works, and show how to fix what does not.

    Exit code 5 when Temporal cannot be reached or denies access, 1 when another check fails. Checked are: the name and
    the port of the server, TLS, access, the Temporal namespace, the flow's interpreter, the datastore (a few bytes are
    written to it) and the metadata service.

    Parameters
    ----------
    name
        The profile (default: the one in force).
    """
    from ..operations import profile_checks

    return profile_checks.check(options, name)
