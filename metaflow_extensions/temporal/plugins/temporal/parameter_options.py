"""Parameters of the flow as options of `temporal trigger`."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

from metaflow._vendor import click
from metaflow.includefile import FilePathClass, IncludedFile
from metaflow.parameters import DelayedEvaluationParameter


class TriggerCommand(click.Command):
    """The command `trigger`, with an option for each parameter of the flow.

    A parameter replaces an option of the command that has the same name. Its option has no default: the deployment has
    the defaults, and only given values are sent.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """All options: those of parameters, then those of the command with other names."""
        own: list[Any] = getattr(self, "original_params", None) or list(self.params)
        parameters = [_parameter_option(option) for option in self.params if option not in own]
        taken = {word for option in parameters for word in option.opts}
        rest = [option for option in super().get_params(ctx) if option not in self.params or option in own]
        return parameters + [option for option in rest if taken.isdisjoint(option.opts)]


class _ParameterOption(click.Option):
    """The option of a parameter: click checks the value as for `run`, but returns it unparsed.

    The first task of the run parses it, so that types and callbacks of the flow see it once.
    """

    def resolve_envvar_value(self, ctx: Any) -> Any:
        """The value of the variable that `run` reads for this parameter."""
        value = click.core.Parameter.resolve_envvar_value(self, ctx)
        if value is None and self.allow_from_autoenv:
            value = os.environ.get(f"METAFLOW_RUN_{self.name.upper()}")
        return value

    def full_process_value(self, ctx: Any, value: Any) -> Any:
        """The value as it was given, or None; raises click's error if it is invalid."""
        if value is None:
            return None
        parsed = self.type_cast_value(ctx, value)
        if isinstance(self.type, FilePathClass):
            return parsed
        if self.check is not None:
            click.core.invoke_param_callback(self.check, ctx, self, parsed)
        return value


def given_parameters(flow: Any, options: dict[str, Any]) -> dict[str, str]:
    """Remove the values of parameters from ``options`` and return them as text.

    Several values of a parameter are a JSON list, as ``mftctl.control.runs.run_parameters`` expects.
    """
    given = {}
    for _, parameter in flow._get_parameters():  # noqa: SLF001 - there is no public way
        if parameter.IS_CONFIG_PARAMETER:
            continue  # an option of the command may have its name
        value = options.pop(parameter.name.replace("-", "_").lower(), None)
        if value is None or value == ():
            continue
        if isinstance(value, DelayedEvaluationParameter):
            value = value(return_str=True)
        elif isinstance(value, IncludedFile):
            value = json.dumps(value.descriptor)
        given[parameter.name] = value if isinstance(value, str) else json.dumps(value)
    return given


def _parameter_option(option: Any) -> Any:
    copied = copy.copy(option)
    copied.__class__ = _ParameterOption
    copied.default, copied.required, copied.show_default = None, False, False
    copied.check, copied.callback = option.callback, None
    return copied
