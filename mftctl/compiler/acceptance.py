"""Whether Metaflow takes the flow's Parameters: it makes options of them when a run starts, which would be too late."""

from __future__ import annotations

from typing import Any

from .inside import Refused


def check_parameters(flow: Any) -> None:
    """Make the option of each as ``metaflow.parameters.add_custom_parameters`` does; Refused names one that fails."""
    from metaflow._vendor import click

    for _, parameter in flow._get_parameters():
        if parameter.IS_CONFIG_PARAMETER:
            continue
        try:
            click.Option(("--" + parameter.name,), **parameter.option_kwargs(False))
        except Exception as error:
            text = " ".join(str(error).replace("Parameter.__init__() ", "").split())
            raise Refused(
                f"Parameter '{parameter.name}' is refused by Metaflow: {text}", "flow.invalid"
            ) from error
