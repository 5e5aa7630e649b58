"""Keywords of the Deployer for parameters that are not ``--name value``: Metaflow's words for them would be wrong."""

from __future__ import annotations

import json
from typing import Any

#: Keywords of a Parameter after which it takes several words, or none.
_MARKS = ("multiple", "nargs", "count", "is_flag", "flag_value")
#: What Metaflow's Deployer takes for parameters of its own types, and for our options.
_PLAIN = (str, bool, int, float, dict, list, tuple)


def as_run_params(deployer: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The keywords with such parameters as ``run_params``; what is None is not given."""
    names = _spelled(deployer)
    moved = [
        f"{names[name]}={_text(value)}"
        for name, value in given.items()
        if name in names and value is not None
    ]
    rest = {name: value for name, value in given.items() if name not in names and value is not None}
    if getattr(deployer, "spelled", None) is not None:
        # Of a type of click's own, such as UUID or DateTime, that deployment has told only that it comes as text.
        rest = {name: value if isinstance(value, _PLAIN) else str(value) for name, value in rest.items()}
    if moved:
        rest["run_params"] = [*rest.get("run_params", ()), *moved]
    return rest


def _spelled(deployer: Any) -> dict[str, str]:
    """Names of these parameters, by keyword; a deployment that was found by its name has told them."""
    told: dict[str, str] | None = getattr(deployer, "spelled", None)
    if told is not None:
        return told
    from metaflow.runner.click_api import extract_flow_class_from_file

    flow = extract_flow_class_from_file(deployer.flow_file)
    declared = [parameter for _, parameter in flow._get_parameters()]  # noqa: SLF001 - there is no other way to ask
    return {
        keyword(one.name): one.name for one in declared if not one.IS_CONFIG_PARAMETER and _is_spelled(one)
    }


def keyword(name: str) -> str:
    """What click calls the parameter's option."""
    return name.replace("-", "_").lower()


def _is_spelled(parameter: Any) -> bool:
    # Before and after Parameter.init().
    keywords = {**parameter.kwargs, **{k: v for k, v in parameter._override_kwargs.items() if v is not None}}  # noqa: SLF001
    return isinstance(keywords.get("type"), tuple) or any(keywords.get(mark) for mark in _MARKS)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
