"""What click makes of the values that a run is given, as `python flow.py run` asks it before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ....model.codec import to_json
from ....model.manifest import Parameter
from ..attempt.command import spell, words_of
from .declarations import click_option


def refusal(state: Any, parameters: Iterable[Parameter], given: Mapping[str, str]) -> Optional[str]:
    """Click's message about the first value that it refuses; None when it takes all, or cannot say.

    ``given``: values by name, as `mftctl run` has them; others come from variables and defaults, as for `run`. Types,
    callbacks and paths of the flow's own are asked here; what `control.runs.parameters.check` knows, it says better.
    The value of an IncludeFile is uploaded later, so it is left out.
    """
    from metaflow._vendor import click

    known = {one.name: one for one in parameters if one.type != "file"}
    options = [option for name, option in _options(state) if name in known]
    for option in options:
        option.prompt = None  # nobody is asked; `check` says what is not given
    defaults = {name: one.default for name, one in known.items() if one.default is not None}
    try:
        words = [
            word
            for name, value in {**defaults, **given}.items()
            if name in known
            for word in spell(name, _whole(known[name], value), known[name].spelling)
        ]
        command = click.Command("run", params=options)
        command.make_context("run", words, obj=state, auto_envvar_prefix="METAFLOW_RUN")
    except click.ClickException as error:
        return " ".join(str(error.format_message()).split())
    except ValueError:  # a count that is no number, of which `spell` makes no words
        return None
    return None


def from_variables(state: Any) -> dict[str, str]:
    """Values that variables give `run`, by name: METAFLOW_RUN_<PARAMETER>, or those of click's ``envvar``.

    As click has them, and split as each type splits them; of several words it is a JSON list.
    """
    from metaflow._vendor import click

    context = click.Context(click.Command("run"), auto_envvar_prefix="METAFLOW_RUN")
    found = {name: option.value_from_envvar(context) for name, option in _options(state)}
    return {
        name: value if isinstance(value, str) else to_json(value)
        for name, value in found.items()
        if value is not None
    }


def _whole(parameter: Parameter, value: str) -> str:
    return to_json(words_of(parameter, value)) if parameter.several else value


def _options(state: Any) -> list[tuple[str, Any]]:
    """Click's options of the flow's parameters, by name."""
    return [
        (one.name, click_option(one))
        for _, one in state.flow._get_parameters()
        if not one.IS_CONFIG_PARAMETER
    ]
