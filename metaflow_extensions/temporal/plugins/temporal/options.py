"""Options that commands of `temporal` share, and the flow's parameters as options of `trigger`."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from typing import Any

from metaflow._vendor import click

Decorator = Callable[[Any], Any]


def each(*options: Decorator) -> Decorator:
    """All of these options, as one decorator."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


named = click.option("--name", default=None, help="Name of the deployment (default: the flow's).")
connected = each(
    click.option("--profile", default=None, help="Profile of mftctl's configuration file."),
    click.option("--temporal-host", default=None, help="Temporal server as HOST:PORT."),
    click.option("--temporal-namespace", default=None, help="Namespace on the Temporal server."),
)
branched = each(
    click.option("--branch", default=None, help="Branch of a flow with @project."),
    click.option(
        "--production", is_flag=True, default=None, help="Production branch of a flow with @project."
    ),
)
owned = click.option(
    "--authorize", default=None, type=str, help="Production token of a flow that somebody else deployed."
)
timed = click.option("--workflow-timeout", default=None, type=int, help="Stop the run after these seconds.")
tagged = click.option("--tag", "tags", multiple=True, default=None, help="Tag the run; may be repeated.")
answered = click.option(
    "--deployer-attribute-file", default=None, hidden=True, type=str, help="For Metaflow's Deployer API."
)


class Trigger(click.Command):
    """`trigger`: the flow's parameters come before options of ours that are called the same, and have no defaults.

    A default stays in the code: what is not given is not sent.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Each option once."""
        ours: list[Any] = getattr(self, "original_params", None) or list(self.params)
        theirs = [_without_default(option) for option in self.params if option not in ours]
        taken = {word for option in theirs for word in option.opts}
        rest = [option for option in super().get_params(ctx) if option not in self.params or option in ours]
        return theirs + [option for option in rest if taken.isdisjoint(option.opts)]


class _Given(click.Option):
    """The option of a parameter: click checks what is given as for `run`, and gives it as it was written.

    The run's first task parses it, so a type that takes only text, and a callback, meet it once.
    """

    def resolve_envvar_value(self, ctx: Any) -> Any:
        """What a variable says, of those that count for `run`."""
        value = click.core.Parameter.resolve_envvar_value(self, ctx)
        if value is None and self.allow_from_autoenv:
            value = os.environ.get(f"METAFLOW_RUN_{self.name.upper()}")
        return value

    def full_process_value(self, ctx: Any, value: Any) -> Any:
        """What was given, or None; click's own error where `run` has one."""
        from metaflow.includefile import FilePathClass

        if value is None:
            return None
        parsed = self.type_cast_value(ctx, value)
        if isinstance(self.type, FilePathClass):
            return parsed
        if self.check is not None:
            click.core.invoke_param_callback(self.check, ctx, self, parsed)
        return value


def given_parameters(flow: Any, options: dict[str, Any]) -> dict[str, str]:
    """The parameters that were given as options, as text; they are taken out of ``options``.

    Of several words it is a JSON list, as ``mftctl.control.runs.parameters`` has it.
    """
    from metaflow.includefile import IncludedFile
    from metaflow.parameters import DelayedEvaluationParameter

    given = {}
    for _, parameter in flow._get_parameters():  # noqa: SLF001 - there is no other way to ask
        value = options.pop(parameter.name.replace("-", "_").lower(), None)
        if parameter.IS_CONFIG_PARAMETER or value is None or value == ():
            continue
        if isinstance(value, DelayedEvaluationParameter):
            value = value(return_str=True)
        elif isinstance(value, IncludedFile):
            value = json.dumps(value.descriptor)
        given[parameter.name] = value if isinstance(value, str) else json.dumps(value)
    return given


def _without_default(option: Any) -> Any:
    bare = copy.copy(option)
    bare.__class__ = _Given
    bare.default, bare.required, bare.show_default = None, False, False
    bare.check, bare.callback = option.callback, None
    return bare
