"""Builds the manifest of a flow whose command line Metaflow has set up.

``state`` is what Metaflow passes to each command of the flow (``obj`` of click).
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass, field
from typing import Any, Optional

from metaflow import current, metaflow_config
from metaflow.client import get_namespace
from metaflow.flowspec import FlowStateItems
from metaflow.tagging_util import validate_tags
from metaflow.user_configs.config_options import ConfigInput
from metaflow.util import get_username

from ....model import ids
from ....model.manifest import Launch, Manifest, Package, Receiver
from ....model.options import Options
from ....model.package_contents import Contents
from ....model.parameter import Parameter
from . import code_package, dispatch
from .compile_error import CompileError
from .declared_parameters import parameters_of
from .parameter_values import click_error, from_variables
from .schedule_decorator import schedule_of
from .steps import handlers_of, steps_of
from .task_variables import variables
from .trigger_decorators import triggers_of

#: Characters of a flow's docstring that become its description.
MAX_DESCRIPTION = 4000


@dataclass(frozen=True)
class Built:
    """A compiled flow: its manifest as JSON values, and the contents of its code package.

    For `run`: ``refused``, click's error about a value of a parameter, and ``variables``, the values of parameters
    that come from environment variables, by parameter.
    """

    manifest: dict[str, Any]
    contents: Contents
    refused: Optional[str] = None
    variables: dict[str, str] = field(default_factory=dict)


def build(state: Any, options: Options, cache: str) -> Built:
    """Check the flow as `python flow.py run` does, store its code package and describe it. Raises CompileError."""
    state.check(state.graph, state.flow, state.environment, pylint=state.pylint)
    validate_tags(options.tags)
    steps = tuple(steps_of(state, dispatch.queues_of(state.graph, options.step_queues)))
    refused, given = None, {} if options.given is None else from_variables(state)
    parameters = tuple(parameters_of(state.flow, {*given, *dict(options.given or ())}))
    deployment = deployment_name(state, options.name)
    owner = get_username()
    if not owner:
        raise CompileError("Metaflow finds no user name", "user", "set METAFLOW_USER")
    if options.given is not None:
        refused = click_error(state, parameters, dict(options.given))
    docstring = inspect.cleandoc(state.flow.__doc__ or "")
    code, contents = code_package.make(state, cache)
    launch = _launch(state, options, owner, code, contents, parameters)
    manifest = Manifest(
        deployment=deployment,
        launch=launch,
        start=getattr(state.graph, "start_step", "start"),  # fixed names up to Metaflow 2.19.20 or so
        end=getattr(state.graph, "end_step", "end"),
        steps=steps,
        parameters=parameters,
        task_queue=options.task_queue or ids.task_queue(deployment),
        owner=owner,
        project=current.get("project_name"),
        branch=current.get("branch_name"),
        max_workers=options.max_workers or Manifest.max_workers,
        workflow_timeout=options.workflow_timeout,
        title=options.workflow_title,
        description=options.workflow_description or docstring[:MAX_DESCRIPTION] or None,
        priority=options.priority,
        success_hooks=_hooks(state.flow, "success_hooks"),
        error_hooks=_hooks(state.flow, "error_hooks"),
        schedule=schedule_of(state.flow, options),
        triggers=triggers_of(state.flow, parameters),
        compensations=tuple(handlers_of(state.flow, steps)),
        notify=tuple(Receiver(url, options.notify_key_env) for url in options.notify_url),
    )
    return Built(manifest.to_plain(), contents, refused, given)


def deployment_name(state: Any, given: Optional[str]) -> str:
    """The name of the flow's deployment: of its @project and branch, else ``given``, else the flow's name."""
    project = current.get("project_flow_name")
    if project is not None:
        if given:
            raise CompileError("--name does not work with @project", "usage", "use --branch")
        return str(project)
    name = given or str(state.flow.name)
    problem = ids.deployment_problem(name)
    if problem:
        raise CompileError(f"'{name}' is not a deployment name: {problem}", "usage")
    return name


def _launch(
    state: Any,
    options: Options,
    owner: str,
    code: Package,
    contents: Contents,
    parameters: tuple[Parameter, ...],
) -> Launch:
    namespace = options.namespace if options.namespace is not None else get_namespace()
    same, by_step = _with_options(state)
    return Launch(
        flow=state.flow.name,
        file=os.path.basename(state.entrypoint[1]),
        package=code,
        python=state.entrypoint[0],
        metadata=state.metadata.TYPE,
        datastore=state.flow_datastore.TYPE,
        datastore_root=state.flow_datastore.datastore_root,
        environment=state.environment.TYPE,
        event_logger=state.event_logger.TYPE,
        monitor=state.monitor.TYPE,
        options=(*same, *_options(state)),
        env=variables(state, owner),
        decorators=(*options.decorators, *metaflow_config.DEFAULT_DECOSPECS.split()),
        tags=options.tags,
        namespace=namespace or "",
        spellings={one.name: one.spelling for one in parameters if one.spelling},
        cwd=options.cwd,
        left_out=(*contents.left_out, *contents.modules),
        step_options=by_step,
    )


def _with_options(state: Any) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Decorators that no source file has, as ``CLIArgs`` of the native runtime collects them: of all, or by step.

    One that the native runtime gives to a step only, because another step has its own in the source, is ignored there.
    """
    by_step = {
        step.name: tuple(
            f"--with={decorator.make_decorator_spec()}"
            for decorator in (*step.decorators, *step.wrappers, *step.config_decorators)
            if not decorator.statically_defined and decorator.inserted_by is None
        )
        for step in state.flow
    }
    different = list(dict.fromkeys(option for options in by_step.values() for option in options))
    # Metaflow takes the first of a name, for all steps.
    if len({option.partition(":")[0] for option in different}) < len(different):
        return [], by_step
    return different, {}


def _options(state: Any) -> list[str]:
    """Other top-level options of every task."""
    options: list[str] = []
    for decorators in state.flow._flow_decorators.values():
        for decorator in decorators:
            for name, value in decorator.get_top_level_options():
                options += _option(name, value)
    for name in state.flow._flow_state[FlowStateItems.CONFIGS]:
        options += ["--config-value", name, ConfigInput.make_key_name(name)]
    return options


def _option(name: str, value: Any) -> list[str]:
    if value is None or value is False:
        return []
    if isinstance(value, (list, tuple)):
        return [f"--{name}={one}" for one in value]
    return [f"--{name}"] if value is True else [f"--{name}={value}"]


def _hooks(flow: Any, kind: str) -> tuple[str, ...]:
    return tuple(name for hook in flow._flow_decorators.get("exit_hook", []) for name in getattr(hook, kind))
