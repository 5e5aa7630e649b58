"""The compiler's half in the flow's interpreter: load the flow, let Metaflow check it, send its Manifest.

It goes through Metaflow's own command line, so that decorators, Configs, mutators and @project are applied by the code
that applies them for `python flow.py run`.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Callable

from ....model.codec import from_plain, to_plain
from ....model.errors import Exit, MftctlError
from ....model.options import Options
from .. import installed, program, protocol
from ..channel import Channel
from ..protocol import Request
from . import loading
from .blame import in_a_line

if TYPE_CHECKING:
    from .build import Built

#: What is nobody's fault but the flow's and the command's, by code.
_WRONG = ("usage", "unsupported", "flow.import", "flow.invalid", "flow.none", "flow.several", "flow.exited")
_EXITS = {**dict.fromkeys((*_WRONG, "parameter.invalid"), Exit.USAGE), "python.metaflow": Exit.CONFLICT}


class Refused(Exception):
    """The flow cannot be compiled. ``code``, ``hint`` and ``log`` are those of MftctlError."""

    def __init__(self, message: str, code: str, hint: str = "", log: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.log = log

    @property
    def exit(self) -> Exit:
        """The exit code: a flow that could never run is a wrong use, as a wrong option is."""
        return _EXITS.get(self.code, Exit.FAILED)


def main(fd: str) -> None:
    """Answer a request ``compile`` of a ``file`` with ``options`` and a ``cache`` folder: the fields of a ``Built``."""

    def compile_flow(request: Request) -> dict[str, Any]:
        given = request.fields
        try:
            built = _compile(given["file"], from_plain(Options, given["options"]), given["cache"])
        except Refused as error:
            raise MftctlError(
                str(error), exit=error.exit, code=error.code, hint=error.hint, log=error.log
            ) from error
        plain: dict[str, Any] = to_plain(built)
        return plain

    with contextlib.suppress(OSError):  # nobody waits for it any more
        protocol.serve(Channel.of_fd(int(fd)), {"compile": compile_flow})


def _compile(file: str, options: Options, cache: str) -> Built:
    too_old = installed.problem()
    if too_old:
        raise Refused(too_old, "python.metaflow", installed.HINT)
    try:
        import metaflow  # noqa: F401
    except ImportError as error:
        raise Refused(
            f"this Python ({sys.executable}) has no metaflow: {error}", "python.metaflow"
        ) from error
    found: list[Built] = []
    place = program.absolute(file)

    def on_flow(flow: Any, go_on: Callable[[], None]) -> None:
        _refuse_several(file, place)
        found.append(_through_metaflow(program.load_command_line(flow), go_on, options, cache))
        raise _Compiled

    sys.argv = [file]
    try:
        program.execute(file, on_flow)
    except _Compiled:
        return found[0]
    except Refused:
        raise
    except SystemExit as left:
        raise Refused(
            f"{file} left with exit code {left.code} before it started its flow", "flow.exited"
        ) from left
    except Exception as error:
        raise _import_problem(file, place, error) from error
    raise _no_flow(file)


class _Compiled(BaseException):
    """Leaves the flow's file where `python flow.py` would: inside ``MyFlow()``."""


def _through_metaflow(metaflow_cli: Any, go_on: Callable[[], None], options: Options, cache: str) -> Built:
    """Parse the top-level options as the flow's command line does, then run our own command in its context."""
    from metaflow._vendor import click
    from metaflow.exception import MetaflowException

    from .build import build

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
        go_on()
    except MetaflowException as error:
        if error.headline == "Unknown user":
            raise Refused(in_a_line(error), "user", "set METAFLOW_USER") from error
        raise Refused(in_a_line(error), "flow.invalid") from error
    except click.ClickException as error:
        raise Refused(error.format_message(), "usage") from error
    return built[0]


def _import_problem(file: str, place: str, error: Exception) -> Refused:
    """An error of the flow's own code while it was imported, with the line it came from."""
    hint = ""
    if isinstance(error, ModuleNotFoundError):
        hint = f"install it for {sys.executable}, or name the flow's interpreter with --python"
    message = loading.headline(file, place, error)
    return Refused(message, "flow.import", hint, loading.own_traceback(place, error))


def _no_flow(file: str) -> Refused:
    from metaflow import FlowSpec

    main = vars(sys.modules["__main__"])
    flows = [
        name
        for name, value in main.items()
        if isinstance(value, type) and issubclass(value, FlowSpec) and value is not FlowSpec
        if value.__module__ == "__main__"
    ]
    if not flows:
        return Refused(
            f"{file} holds no flow", "flow.none", "a flow is a class derived from metaflow.FlowSpec"
        )
    if len(flows) > 1:
        hint = f'end the file with: if __name__ == "__main__": {flows[-1]}()'
        return Refused(
            f"{file} holds several flows ({', '.join(flows)}) and starts none", "flow.several", hint
        )
    hint = f'end the file with: if __name__ == "__main__": {flows[0]}()'
    return Refused(f"{file} holds the flow {flows[0]} but does not start it", "flow.none", hint)


def _refuse_several(file: str, place: str) -> None:
    """Refuse a file that starts more than one flow: only the first would ever run."""
    import ast

    from metaflow import FlowSpec

    with open(place, "rb") as source:
        tree = ast.parse(source.read())
    main = vars(sys.modules["__main__"])
    started = []
    for block in tree.body:
        for node in ast.walk(block) if isinstance(block, (ast.If, ast.Expr)) else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                value = main.get(node.func.id)
                if isinstance(value, type) and issubclass(value, FlowSpec):
                    started.append(node.func.id)
    if len(started) > 1:
        hint = "keep one of them in the file's main block"
        raise Refused(f"{file} starts several flows ({', '.join(started)})", "flow.several", hint)
