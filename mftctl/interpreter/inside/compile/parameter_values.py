"""Checks the values of a run's parameters with click, as `python flow.py run` does before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from metaflow._vendor import click

from ....model.codec import to_json
from ....model.parameter import Parameter, values_of, words
from .declared_parameters import click_option


def click_error(state: Any, parameters: Iterable[Parameter], given: Mapping[str, str]) -> Optional[str]:
    """Click's message about the first value that it rejects; None when it accepts all.

    ``given``: values by name, as `mftctl run` has them; others come from variables and defaults, as for `run`. This
    checks types, callbacks and paths of the flow's own; what the manifest tells, `control.runs.run_parameters.validate`
    checks with better messages. An IncludeFile is left out: its file is uploaded later.
    """
    known = {one.name: one for one in parameters if one.type != "file"}
    options = [option for name, option in _options(state) if name in known]
    for option in options:
        option.prompt = None  # no prompts: `check` reports what is missing
    defaults = {name: one.default for name, one in known.items() if one.default is not None}
    try:
        line = []
        for name, value in {**defaults, **given}.items():
            if one := known.get(name):
                text = to_json(values_of(one, value)) if one.several else value
                line += words(name, text, one.spelling)
        command = click.Command("run", params=options)
        command.make_context("run", line, obj=state, auto_envvar_prefix="METAFLOW_RUN")
    except click.ClickException as error:
        return " ".join(str(error.format_message()).split())
    except ValueError:  # a count that is no number, which `check` reports
        return None
    return None


def from_variables(state: Any) -> dict[str, str]:
    """Values by name that `run` takes from variables: METAFLOW_RUN_<PARAMETER>, or click's ``envvar``.

    Click splits values of several words, as each type does; here they are a JSON list.
    """
    context = click.Context(click.Command("run"), auto_envvar_prefix="METAFLOW_RUN")
    found = {name: option.value_from_envvar(context) for name, option in _options(state)}
    return {
        name: value if isinstance(value, str) else to_json(value)
        for name, value in found.items()
        if value is not None
    }


def _options(state: Any) -> list[tuple[str, Any]]:
    """Click's options of the flow's parameters, by name."""
    return [
        (one.name, click_option(one))
        for _, one in state.flow._get_parameters()
        if not one.IS_CONFIG_PARAMETER
    ]
