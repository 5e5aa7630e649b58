"""`mftctl completion`: scripts that complete commands in a shell."""

import shlex
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Literal

from ..console.output import Result, write
from . import schema
from .app import GROUPS, below
from .command_tree import Command, Option, commands
from .help import TOPICS

Shell = Literal["bash", "zsh", "fish"]
_SHELLS = files("mftctl") / "cli" / "shells"
#: Arguments by name, and what they are: names that the server or the configuration file knows, or files.
_ARGUMENTS = {"FLOW": "files", "RUN": "runs", "RUNS": "runs"}
_OPTIONS = {
    "--profile": "profiles",
    "--deployment": "deployments",
    "--output": "files",
    "--run-id-file": "files",
    "--config": "files",
    "--python": "files",
}


def completion(shell: Shell, /) -> Result[None]:
    """Print the script that completes commands, options and names in a shell. No file is changed.

    Names of deployments, runs and profiles are looked up when they are needed, for at most 300 ms.

    Parameters
    ----------
    shell
        bash, zsh or fish.
    """
    write(script(shell, commands(with_help=shell == "fish")))
    return Result()


def script(shell: Shell, found: Sequence[Command]) -> str:
    """The script for a shell: the commands as a table, and the shell code that reads it (``shells/``)."""
    template = (_SHELLS / f"completion.{shell}").read_text("utf-8")
    if shell == "fish":
        return _fish(template, found)
    common = (_SHELLS / "common.sh").read_text("utf-8")
    return template.replace("@TABLE@\n", _nodes(found) + _option_values(found) + "\n" + common)


def _kind_of_argument(command: Command) -> str:
    if not command.arguments:
        return ""
    name, group = command.arguments[0].name, command.words[0]
    fixed = {"help": [*TOPICS, *below()], "schema": schema.names(), "completion": ["bash", "zsh", "fish"]}
    if command.words[0] in fixed:
        return ":" + "|".join(fixed[command.words[0]])
    if group == "profile":
        return "profiles"
    if group == "events":
        return ""
    return _ARGUMENTS.get(name, "deployments" if name in {"NAME", "NAMES"} else "")


def _kind_of_value(option: Option) -> str:
    if option.choices:
        return ":" + "|".join(option.choices)
    return _OPTIONS.get(option.names[-1], "files" if option.value == "FILE" else "")


def _nodes(commands: Sequence[Command]) -> str:
    lines = [_node("", below(), ["--help", "--version"], "")]
    lines += [_node(group, below(group), ["--help"], "") for group in GROUPS]
    for one in commands:
        names = [name for option in one.options for name in option.names if name.startswith("--")]
        lines.append(_node(one.name, (), [*names, "--help"], _kind_of_argument(one)))
    return '_mftctl_node() {\n    case "$1" in\n' + "".join(lines) + "        *) return 1 ;;\n    esac\n}\n"


def _node(words: str, below: Iterable[str], options: Sequence[str], kind: str) -> str:
    return (
        f'        "{words}") _mftctl_below="{" ".join(below)}" _mftctl_options="{" ".join(options)}"'
        f' _mftctl_argument="{kind}" ;;\n'
    )


def _option_values(commands: Sequence[Command]) -> str:
    cases: dict[tuple[int, str], list[str]] = {}
    for one in commands:
        for option in one.options:
            if option.words:
                where = cases.setdefault((option.words, _kind_of_value(option)), [])
                where += [f'"{one.name}:{name}"' for name in option.names]
    lines = [
        f'        {"|".join(names)}) _mftctl_takes={words} _mftctl_kind="{kind}" ;;\n'
        for (words, kind), names in cases.items()
    ]
    return (
        '_mftctl_option() {\n    case "$1:$2" in\n'
        + "".join(lines)
        + "        *) _mftctl_takes=0 ;;\n    esac\n}\n"
    )


def _fish(template: str, commands: Sequence[Command]) -> str:
    lines = [template.replace("@GROUPS@", " ".join(GROUPS))]
    for group in ("", *GROUPS):
        for name, line in below(group).items():
            lines.append(_fish_line(group, f"-a {name} -d {shlex.quote(line)}"))
    lines.append(_fish_line("", "-l version -d 'Show the version.'"))
    lines.append("complete -c mftctl -s h -l help -d 'Show the help.'\n")
    for one in commands:
        lines.append(_fish_line(one.name, _fish_values(_kind_of_argument(one))))
        for option in one.options:
            flags = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
            if option.words:
                flags.append("-r " + _fish_values(_kind_of_value(option)))
            lines.append(_fish_line(one.name, f"{' '.join(flags)} -d {shlex.quote(option.help)}"))
    return "".join(lines)


def _fish_values(kind: str) -> str:
    if kind == "files":
        return "-F"
    if kind.startswith(":"):
        return f"-f -a {shlex.quote(kind[1:].replace('|', ' '))}"
    return f"-f -a '(__mftctl_names {kind})'" if kind else "-f"


def _fish_line(words: str, rest: str) -> str:
    return f"complete -c mftctl -n '__mftctl_at \"{words}\"' {rest}\n"
