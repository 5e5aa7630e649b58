"""Manifests and parameters for tests: a flow F, by itself or with declared parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mftctl.model.manifest import Launch, Manifest, Package, Step
from mftctl.model.parameter import Parameter

LAUNCH = Launch(
    "F", "f.py", Package("sha", "url", "{}"), "python", "local", "local", "/root", "local", "null", "null"
)
MANIFEST = Manifest(
    "F", LAUNCH, "start", "end", (Step("start", "start", ("end",)), Step("end", "end")), "q", "ann"
)


class Flow:
    """A flow of Metaflow as the compiler reads it, with the ``metaflow.Parameter`` objects that it declares."""

    def __init__(self, *declared: Any) -> None:
        for one in declared:
            one.init()
        self.declared = declared

    def _get_parameters(self) -> Any:
        return [(one.name, one) for one in self.declared]


def manifest(*parameters: Parameter) -> Manifest:
    """The manifest of a flow with these parameters."""
    return replace(MANIFEST, parameters=parameters)


def not_called(*_: Any) -> str:
    """An upload that no test may need."""
    raise AssertionError("nothing is to be uploaded")
