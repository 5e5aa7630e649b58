"""The flow's Parameters, by the options that Metaflow makes of them for click."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ....model.codec import to_json
from ....model.manifest import FLAG, Parameter
from .main import Refused


def parameters_of(flow: Any) -> list[Parameter]:
    """In the flow's order; Refused where Metaflow refuses one, or its default."""
    found, seen = [], set()
    for _, parameter in flow._get_parameters():
        if parameter.name.lower() in seen:
            raise Refused(
                f"Parameter *{parameter.name}* is specified twice. Note that parameter names are case-insensitive.",
                "flow.invalid",
            )
        seen.add(parameter.name.lower())
        if parameter.IS_CONFIG_PARAMETER:
            continue
        kind = parameter.kwargs["type"]
        option = click_option(parameter)
        spelling = _spelling(option)
        _check_default(parameter, option)
        found.append(
            Parameter(
                name=parameter.name,
                type=_type_name(kind, option.type),
                required=_is_required(parameter.kwargs, option),
                default=_evaluated(
                    parameter.kwargs.get("default"), several=spelling in ("multiple", "nargs")
                ),
                help=parameter.kwargs.get("help") or "",
                is_text=getattr(kind, "_is_text", True),
                encoding=getattr(kind, "_encoding", "utf-8") or "utf-8",
                spelling=spelling,
                nargs=option.nargs,
                choices=_choices(option.type),
                any_case=not getattr(option.type, "case_sensitive", True),
                **_range(option.type),
            )
        )
    return found


def click_option(parameter: Any) -> Any:
    """The option that `run` has for it (``metaflow.parameters.add_custom_parameters``).

    Refused where click does not take its keywords: Metaflow makes options when a run starts, which would be too late.
    """
    from metaflow._vendor import click

    try:
        return click.Option(("--" + parameter.name,), **parameter.option_kwargs(deploy_mode=False))
    except Exception as error:
        text = " ".join(str(error).replace("Parameter.__init__() ", "").split())
        raise Refused(
            f"Parameter '{parameter.name}' is refused by Metaflow: {text}", "flow.invalid"
        ) from error


def _evaluated(given: Any, *, several: bool) -> Optional[str]:
    """A default that is a function, evaluated now; None of any other.

    Of several words it is text for `run` as well, which has each character as a word.
    """
    from metaflow.parameters import DelayedEvaluationParameter, DeployTimeField, deploy_time_eval

    if several and isinstance(given, DeployTimeField):
        return to_json(list(given()))
    if not isinstance(given, (DeployTimeField, DelayedEvaluationParameter)):
        return None
    value = deploy_time_eval(given)
    return None if value is None else str(value)


def _check_default(parameter: Any, option: Any) -> None:
    """Convert the default as click does for `run` before anything starts; Refused where it does not.

    A function is called elsewhere, and a path need be there only where the run is.
    """
    from metaflow._vendor import click
    from metaflow.includefile import FilePathClass

    elsewhere = (FilePathClass, click.Path, click.File)
    if option.default is None or callable(option.default) or isinstance(option.type, elsewhere):
        return
    try:
        option.get_default(click.Context(click.Command("run")))
    except Exception as error:
        said = error.format_message() if isinstance(error, click.ClickException) else str(error)
        message = " ".join(said.split())
        raise Refused(
            f"Parameter '{parameter.name}' is refused by Metaflow, for its default: {message}", "flow.invalid"
        ) from error


def _is_required(keywords: Mapping[str, Any], option: Any) -> bool:
    """Also where click would ask a person for it: nobody is there when a task stores the parameters."""
    asked = option.prompt is not None
    has_default = keywords.get("default") is not None or option.count
    return asked or (bool(keywords.get("required")) and not has_default)


def _spelling(option: Any) -> str:
    if option.count:
        return "count"
    if option.is_flag:
        value = option.flag_value
        return FLAG + (to_json(value) if isinstance(value, bool) else str(value))
    if option.multiple:
        return "multiple"
    return "nargs" if option.nargs != 1 else ""


def _choices(kind: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in getattr(kind, "choices", ()))


def _range(kind: Any) -> dict[str, Optional[float]]:
    """A click range that clamps takes every number."""
    if not getattr(kind, "name", "").endswith(" range") or kind.clamp:
        return {}
    return {"least": kind.min, "most": kind.max}


def _type_name(kind: Any, click_type: Any) -> str:
    from metaflow.includefile import FilePathClass
    from metaflow.parameters import JSONTypeClass

    if isinstance(kind, JSONTypeClass):
        return "json"
    if isinstance(kind, FilePathClass):
        return "file"
    name = getattr(kind, "__name__", "")
    if name in ("int", "float", "bool"):
        return str(name)
    word = getattr(click_type, "name", "").partition(" ")[0]
    return {"integer": "int", "float": "float", "boolean": "bool"}.get(word, "str")
