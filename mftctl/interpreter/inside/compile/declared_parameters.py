"""The parameters of a flow, as the click options that Metaflow makes of them declare them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Optional

from metaflow._vendor import click
from metaflow.includefile import FilePathClass
from metaflow.parameters import (
    DelayedEvaluationParameter,
    DeployTimeField,
    JSONTypeClass,
    deploy_time_eval,
)

from ....model.codec import to_json
from ....model.parameter import FLAG, Parameter
from .compile_error import CompileError


def parameters_of(flow: Any, given: Collection[str] = ()) -> list[Parameter]:
    """The parameters in the flow's order; CompileError when Metaflow rejects one, or its default.

    Defaults of those that are ``given`` are not evaluated, as by `run`.
    """
    found, names = [], set()
    for _, parameter in flow._get_parameters():
        if parameter.IS_CONFIG_PARAMETER:
            continue  # Metaflow compares its name with those of other Configs only
        if parameter.name.lower() in names:
            raise CompileError(
                f"Parameter '{parameter.name}' is declared twice: upper and lower case are the same"
            )
        names.add(parameter.name.lower())
        kind = parameter.kwargs["type"]
        option = click_option(parameter)
        spelling = _spelling(option)
        _check_default(parameter, option)
        found.append(
            Parameter(
                name=parameter.name,
                type=_type_name(kind, option.type),
                required=_is_required(parameter.kwargs, option),
                default=None
                if parameter.name in given
                else _evaluated(parameter.kwargs.get("default"), several=spelling in ("multiple", "nargs")),
                help=parameter.kwargs.get("help") or "",
                is_text=getattr(kind, "_is_text", True),
                encoding=getattr(kind, "_encoding", "utf-8") or "utf-8",
                spelling=spelling,
                nargs=option.nargs,
                choices=tuple(map(str, getattr(option.type, "choices", ()))),
                any_case=not getattr(option.type, "case_sensitive", True),
                **_range(option.type),
            )
        )
    return found


def click_option(parameter: Any) -> Any:
    """The option that `run` has for a parameter (``metaflow.parameters.add_custom_parameters``).

    CompileError when click rejects its keywords, which Metaflow would find when a run starts.
    """
    try:
        return click.Option(("--" + parameter.name,), **parameter.option_kwargs(deploy_mode=False))
    except Exception as error:
        text = " ".join(str(error).replace("Parameter.__init__() ", "").split())
        raise CompileError(f"Metaflow rejects Parameter '{parameter.name}': {text}") from error


def _evaluated(given: Any, *, several: bool) -> Optional[str]:
    """The value of a default that is a function, evaluated now; None for other defaults.

    Where the parameter takes several words, each character of a text is one, as for `run`.
    """
    if several and isinstance(given, DeployTimeField):
        return to_json(list(given()))
    if not isinstance(given, (DeployTimeField, DelayedEvaluationParameter)):
        return None
    value = deploy_time_eval(given)
    return None if value is None else str(value)


def _check_default(parameter: Any, option: Any) -> None:
    """CompileError when click cannot convert the default, which it does for `run` before anything starts.

    Not checked are functions, which are evaluated elsewhere, and paths, which must exist only where the run is.
    """
    paths = (FilePathClass, click.Path, click.File)
    if option.default is None or callable(option.default) or isinstance(option.type, paths):
        return
    try:
        option.get_default(click.Context(click.Command("run")))
    except Exception as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        message = " ".join(text.split())
        raise CompileError(
            f"Metaflow rejects the default of Parameter '{parameter.name}': {message}"
        ) from error


def _is_required(keywords: Mapping[str, Any], option: Any) -> bool:
    """Whether a run needs a value: also where click would prompt for one, since tasks have no terminal."""
    has_default = keywords.get("default") is not None or option.count
    return option.prompt is not None or (bool(keywords.get("required")) and not has_default)


def _spelling(option: Any) -> str:
    if option.count:
        return "count"
    if option.is_flag:
        value = option.flag_value
        return FLAG + (to_json(value) if isinstance(value, bool) else str(value))
    if option.multiple:
        return "multiple"
    return "nargs" if option.nargs != 1 else ""


def _range(kind: Any) -> dict[str, Optional[float]]:
    """The limits of a click range; none for one that clamps, which accepts every number."""
    if not getattr(kind, "name", "").endswith(" range") or kind.clamp:
        return {}
    return {"least": kind.min, "most": kind.max}


def _type_name(kind: Any, click_type: Any) -> str:
    if isinstance(kind, JSONTypeClass):
        return "json"
    if isinstance(kind, FilePathClass):
        return "file"
    name = getattr(kind, "__name__", "")
    if name in ("int", "float", "bool"):
        return str(name)
    word = getattr(click_type, "name", "").partition(" ")[0]
    return {"integer": "int", "float": "float", "boolean": "bool"}.get(word, "str")
