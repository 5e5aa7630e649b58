"""Keywords of the Deployer for special parameters, whose option is not ``--name value``.

Metaflow's Deployer would pass them to the command line wrongly, so they are passed as ``--run-param NAME=VALUE``.
"""

from __future__ import annotations

import json
from typing import Any

from metaflow.runner.click_api import extract_flow_class_from_file

#: Keywords of a Parameter that make its option take several values, or none.
_MARKS = ("multiple", "nargs", "count", "is_flag", "flag_value")
#: Types of values that Metaflow's Deployer accepts.
_PLAIN = (str, bool, int, float, dict, list, tuple)


def as_run_params(deployer: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The keywords with special parameters as ``run_params``; None means not given."""
    names = _special(deployer)
    moved = [
        f"{names[name]}={_text(value)}"
        for name, value in given.items()
        if name in names and value is not None
    ]
    rest = {name: value for name, value in given.items() if name not in names and value is not None}
    if getattr(deployer, "special_parameters", None) is not None:
        # The manifest knows only that a parameter of click's type, such as UUID or DateTime, is given as text.
        rest = {name: value if isinstance(value, _PLAIN) else str(value) for name, value in rest.items()}
    if moved:
        rest["run_params"] = [*rest.get("run_params", ()), *moved]
    return rest


def _special(deployer: Any) -> dict[str, str]:
    """Names of the special parameters by keyword: from the manifest, if the Deployer was made of one, or the flow."""
    known: dict[str, str] | None = getattr(deployer, "special_parameters", None)
    if known is not None:
        return known
    flow = extract_flow_class_from_file(deployer.flow_file)
    declared = [parameter for _, parameter in flow._get_parameters()]  # noqa: SLF001 - there is no public way
    return {
        keyword(one.name): one.name for one in declared if not one.IS_CONFIG_PARAMETER and _is_special(one)
    }


def keyword(name: str) -> str:
    """The keyword of a parameter: click's name of its option."""
    return name.replace("-", "_").lower()


def _is_special(parameter: Any) -> bool:
    # Before and after Parameter.init().
    keywords = {**parameter.kwargs, **{k: v for k, v in parameter._override_kwargs.items() if v is not None}}  # noqa: SLF001
    return isinstance(keywords.get("type"), tuple) or any(keywords.get(mark) for mark in _MARKS)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
