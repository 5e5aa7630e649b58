"""`mftctl events`: the commands."""

from typing import TYPE_CHECKING

from ..console.output import Result
from ..operations.command_options import Limited

if TYPE_CHECKING:
    from ..results import event_results


def publish(
    name: str, /, *payload: str, id: str | None = None, options: Limited = Limited()
) -> Result["event_results.Published"]:
    """Publish an event to the deployments that wait for it with @trigger.

    Parameters
    ----------
    name
        Name of the event.
    payload
        Fields of its payload, as name=value.
    id
        Identity of the event: one that is published again under the same id counts once.
    """
    from ..operations import event_operations

    return options.run(event_operations.publish(options, name, payload, id))


def list_(*, options: Limited = Limited()) -> Result["list[event_results.Waiting]"]:
    """List the events that deployments wait for."""
    from ..operations import event_operations

    return options.run(event_operations.list_(options))


def describe(name: str, /, *, options: Limited = Limited()) -> Result["event_results.Event"]:
    """Show which deployments wait for an event, which of its values they take, and the last run that it started.

    Parameters
    ----------
    name
        Name of the event.
    """
    from ..operations import event_operations

    return options.run(event_operations.describe(options, name))
