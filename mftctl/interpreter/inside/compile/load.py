"""Loads a flow's file and builds its manifest inside Metaflow's own command line.

So decorators, Configs, mutators and @project are applied by the code that applies them for `python flow.py run`.
"""

from __future__ import annotations

import ast
import os
import sys
from typing import Any, Callable, Optional

from metaflow import FlowSpec, metaflow_config
from metaflow._vendor import click
from metaflow.exception import MetaflowException

from ....model.options import Options
from .. import flow_file
from .build import Built, build
from .compile_error import CompileError, import_error, is_of_user, metaflow_error, user_traceback


class _Loaded(BaseException):
    """Leaves the flow's file where `python flow.py` does: inside ``MyFlow()``."""


def load(file: str, options: Options, cache: str) -> Built:
    """Run the flow's ``file`` up to where it starts its flow, and compile that. Raises CompileError."""
    found: list[Built] = []
    path = flow_file.absolute(file)

    def on_flow(flow: Any, resume: Callable[[], None]) -> None:
        _check_one_flow(file, path)
        found.append(_build(flow_file.load_command_line(flow), resume, options, cache))
        raise _Loaded

    sys.argv = [file]
    try:
        flow_file.execute(file, on_flow)
    except _Loaded:
        return found[0]
    except CompileError:
        raise
    except SystemExit as end:
        raise CompileError(
            f"{file} exited with code {end.code} before it started its flow", "flow.exited"
        ) from end
    except Exception as error:
        hint = ""
        if isinstance(error, ModuleNotFoundError):
            hint = f"install it for {sys.executable}, or name the flow's interpreter with --python"
        message, trace = import_error(file, path, error), user_traceback(path, error)
        raise CompileError(message, "flow.import", hint, trace) from error
    raise _no_flow(file)


def _build(metaflow_cli: Any, resume: Callable[[], None], options: Options, cache: str) -> Built:
    """Parse top-level options as the flow's command line does, then run a command of ours in its context."""
    built: list[Built] = []

    @metaflow_cli.cli.command("temporal-compile", hidden=True)
    @click.pass_obj
    def temporal_compile(state: Any) -> None:
        built.append(build(state, options, cache))

    def run(flow: Any, *_: Any, **__: Any) -> None:
        state = metaflow_cli.CliState(flow)
        state.entrypoint = [sys.executable, sys.argv[0]]
        has_branches = any(param.name == "branch" for param in metaflow_cli.start.params)
        given = options if has_branches or not options.project_only else options.without_branch()
        arguments = [*given.arguments(), "temporal-compile"]
        metaflow_cli.start.main(
            args=arguments,
            prog_name=sys.argv[0],
            obj=state,
            auto_envvar_prefix="METAFLOW",
            standalone_mode=False,
        )

    metaflow_cli.main = run
    try:
        resume()
    except MetaflowException as error:
        if error.headline == "Unknown user":
            raise CompileError(metaflow_error(error), "user", "set METAFLOW_USER") from error
        raise CompileError(metaflow_error(error)) from error
    except click.ClickException as error:
        raise CompileError(error.format_message(), "usage") from error
    except OSError as error:
        if error.filename is None or is_of_user(flow_file.absolute(sys.argv[0]), error):
            raise
        raise _file_error(str(error.filename), error.strerror, options, cache) from error
    return built[0]


def _file_error(name: str, reason: Optional[str], options: Options, cache: str) -> CompileError:
    """The error of a file or folder of the datastore or the cache; else of one that is to be packaged."""
    store = os.path.join(metaflow_config.DATASTORE_SYSROOT_LOCAL or "", ".metaflow")
    roots = (options.datastore_root or store, cache)
    if any(_contains(root, name) or _contains(name, root) for root in roots):
        message = f"cannot store the code package: {name}: {reason}"
        return CompileError(message, "datastore.unreachable", "run `mftctl profile check`")
    hint = "remove it, or make it readable"
    return CompileError(
        f"cannot read a file for the code package: {name}: {reason}", "package.unreadable", hint
    )


def _contains(folder: str, name: str) -> bool:
    folder, name = os.path.abspath(folder), os.path.abspath(name)
    return name == folder or name.startswith(os.path.join(folder, ""))


def _no_flow(file: str) -> CompileError:
    flows = [
        name
        for name, value in vars(sys.modules["__main__"]).items()
        if _is_flow(value) and value.__module__ == "__main__"
    ]
    if not flows:
        return CompileError(f"{file} has no flow", "flow.none", "a flow is a subclass of metaflow.FlowSpec")
    hint = f'end the file with: if __name__ == "__main__": {flows[-1]}()'
    if len(flows) > 1:
        return CompileError(
            f"{file} has several flows ({', '.join(flows)}) and starts none", "flow.several", hint
        )
    return CompileError(f"{file} has the flow {flows[0]} but does not start it", "flow.none", hint)


def _check_one_flow(file: str, path: str) -> None:
    """CompileError for a file that starts more than one flow, one after the other: only the first would run."""
    with open(path, "rb") as source:
        tree = ast.parse(source.read())
    main = vars(sys.modules["__main__"])
    # What stands under a further condition may not run.
    statements = [
        one for block in tree.body for one in (block.body if isinstance(block, ast.If) else [block])
    ]
    started = [
        call.func.id
        for call in (one.value for one in statements if isinstance(one, ast.Expr))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and _is_flow(main.get(call.func.id))
    ]
    if len(started) > 1:
        hint = "keep one of them in the file's main block"
        raise CompileError(f"{file} starts several flows ({', '.join(started)})", "flow.several", hint)


def _is_flow(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, FlowSpec) and value is not FlowSpec
