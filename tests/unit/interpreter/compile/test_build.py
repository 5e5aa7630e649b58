"""What the tasks of a deployment get on their command line."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from mftctl.interpreter.inside.compile.build import _with_options
from mftctl.model.manifest import Manifest

from ...manifests import MANIFEST


def state(**specs: tuple[str, ...]) -> Any:
    """A flow whose steps have these decorators of --with."""

    def decorator(spec: str) -> Any:
        return SimpleNamespace(
            statically_defined=False, inserted_by=None, make_decorator_spec=lambda: spec, name=spec
        )

    return SimpleNamespace(
        flow=[
            SimpleNamespace(name=name, decorators=[*map(decorator, found)], wrappers=[], config_decorators=[])
            for name, found in specs.items()
        ]
    )


def test_a_decorator_of_all_steps_is_an_option_of_each_task() -> None:
    """As long as it is the same for all: Metaflow takes the first of a name."""
    same = state(start=("retry:times=2",), fit=("retry:times=2", "card"), end=())
    assert _with_options(same) == (["--with=retry:times=2", "--with=card"], {})


def test_a_decorator_that_differs_by_step_is_an_option_of_its_step() -> None:
    """As @kubernetes, which takes over what the step's @resources ask for."""
    found = _with_options(state(start=("kubernetes:cpu=1", "card"), fit=("kubernetes:cpu=16", "card")))
    assert found == (
        [],
        {
            "start": ("--with=kubernetes:cpu=1", "--with=card"),
            "fit": ("--with=kubernetes:cpu=16", "--with=card"),
        },
    )


def test_an_older_worker_refuses_options_of_steps() -> None:
    """It would run the steps without them; other manifests keep the schema that it reads."""
    options = {"a": ("--with=b",)}
    changed = replace(MANIFEST, launch=replace(MANIFEST.launch, step_options=options))
    assert (MANIFEST.to_plain()["schema_version"], changed.to_plain()["schema_version"]) == (1, 4)
    assert Manifest.from_plain(changed.to_plain()).launch.step_options == options
