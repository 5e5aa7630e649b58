"""The completion scripts: the tree of commands as a table, and the few lines of shell that read it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from . import schema
from .app import COMMANDS, GROUPS
from .help import TOPICS
from .tree import Command, Option

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


def script(shell: str, commands: Sequence[Command]) -> str:
    """The script for bash, zsh or fish."""
    if shell == "fish":
        return _fish(commands)
    table = _nodes(commands) + _option_values(commands)
    return {"bash": _BASH, "zsh": _ZSH}[shell].replace("@TABLE@", table + _FIND)


def kind_of_argument(command: Command) -> str:
    """What the first argument of a command is."""
    if not command.arguments:
        return ""
    name, group = command.arguments[0].name, command.words[0]
    fixed = {"help": [*TOPICS, *COMMANDS], "schema": schema.names(), "completion": ["bash", "zsh", "fish"]}
    if command.words[0] in fixed:
        return ":" + "|".join(fixed[command.words[0]])
    if group == "profile":
        return "profiles"
    if group == "events":
        return ""
    return _ARGUMENTS.get(name, "deployments" if name in {"NAME", "NAMES"} else "")


def kind_of_value(option: Option) -> str:
    """What an option's value is."""
    if option.choices:
        return ":" + "|".join(option.choices)
    return _OPTIONS.get(option.names[-1], "files" if option.value == "FILE" else "")


def _nodes(commands: Sequence[Command]) -> str:
    lines = [_node("", COMMANDS, ["--help", "--version"], "")]
    for group, parts in COMMANDS.items():
        if isinstance(parts, dict):
            lines.append(_node(group, parts, ["--help"], ""))
    for one in commands:
        names = [name for option in one.options for name in option.names if name.startswith("--")]
        lines.append(_node(one.name, (), [*names, "--help"], kind_of_argument(one)))
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
                where = cases.setdefault((option.words, kind_of_value(option)), [])
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


def _fish(commands: Sequence[Command]) -> str:
    lines = [_FISH.replace("@GROUPS@", " ".join(GROUPS))]
    for name, command in COMMANDS.items():
        line = GROUPS[name] if isinstance(command, dict) else command[1]
        lines.append(_fish_line("", f"-a {name} -d {shlex.quote(line)}"))
        if isinstance(command, dict):
            lines += [
                _fish_line(name, f"-a {part} -d {shlex.quote(told)}") for part, (_, told) in command.items()
            ]
    lines.append(_fish_line("", "-l version -d 'Say which version this is.'"))
    lines.append("complete -c mftctl -s h -l help -d 'Show the help.'\n")
    for one in commands:
        lines.append(_fish_line(one.name, _fish_values(kind_of_argument(one))))
        for option in one.options:
            flags = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
            if option.words:
                flags.append("-r " + _fish_values(kind_of_value(option)))
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


_FIND = r"""
# Which command the words before the cursor name, and what the last of them wants to follow it.
_mftctl_find() {
    local word left=0
    _mftctl_at="" _mftctl_wants=""
    for word in "$@"; do
        case "$word" in
            =) continue ;;
        esac
        if [ "$left" -gt 0 ]; then
            left=$((left - 1))
            continue
        fi
        case "$word" in
            --*=*) ;;
            -*)
                _mftctl_option "$_mftctl_at" "$word"
                left=$_mftctl_takes
                ;;
            *)
                if _mftctl_node "${_mftctl_at:+$_mftctl_at }$word"; then
                    _mftctl_at="${_mftctl_at:+$_mftctl_at }$word"
                fi
                ;;
        esac
    done
    _mftctl_node "$_mftctl_at"
    if [ "$left" -gt 0 ]; then
        _mftctl_wants="${_mftctl_kind:-nothing}"
    fi
}

# The candidates for a kind of word, one a line.
_mftctl_candidates() {
    local kind="$1"
    shift
    case "$kind" in
        :*) printf '%s\n' "${kind#:}" | tr '|' '\n' ;;
        deployments | runs | profiles) "$_mftctl_program" __complete "$kind" "$@" 2>/dev/null </dev/null ;;
        below) printf '%s\n' "$_mftctl_below" | tr ' ' '\n' ;;
        options) printf '%s\n' "$_mftctl_options" | tr ' ' '\n' ;;
    esac
}

# What is to be completed where the word under the cursor has begun so.
_mftctl_choose() {
    if [ -n "$_mftctl_wants" ]; then
        return
    fi
    case "$1" in
        -*) _mftctl_wants=options ;;
        *)
            if [ -n "$_mftctl_below" ]; then
                _mftctl_wants=below
            else
                _mftctl_wants="$_mftctl_argument"
            fi
            ;;
    esac
}
"""

_BASH = r"""# Completion of mftctl for bash: `source <(mftctl completion bash)`.
@TABLE@
_mftctl() {
    local current="${COMP_WORDS[COMP_CWORD]}" IFS=$'\n'
    local before=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
    _mftctl_program="${COMP_WORDS[0]}"
    if [ "$current" = "=" ]; then
        current=""
    fi
    _mftctl_find "${before[@]}"
    _mftctl_choose "$current"
    if [ "$_mftctl_wants" = files ]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$current"))
        return
    fi
    COMPREPLY=($(compgen -W "$(_mftctl_candidates "$_mftctl_wants" "$current" -- "${before[@]}")" -- "$current"))
}
complete -F _mftctl mftctl
"""

_ZSH = r"""#compdef mftctl
# Completion of mftctl for zsh: `source <(mftctl completion zsh)`, or as the file _mftctl in a folder of $fpath.
@TABLE@
_mftctl() {
    emulate -L zsh
    local current="${words[CURRENT]}" before found
    before=("${(@)words[2,CURRENT-1]}")
    _mftctl_program="${words[1]}"
    case "$current" in
        --*=*)
            before+=("${current%%=*}")
            compset -P '*='
            current="${current#*=}"
            ;;
    esac
    _mftctl_find "${before[@]}"
    _mftctl_choose "$current"
    if [ "$_mftctl_wants" = files ]; then
        _files
        return
    fi
    found=("${(@f)$(_mftctl_candidates "$_mftctl_wants" "$current" -- "${before[@]}")}")
    found=("${(@)found:#}")
    compadd -- "${found[@]}"
}
if [ "${funcstack[1]}" = _mftctl ]; then
    _mftctl "$@"
else
    compdef _mftctl mftctl
fi
"""

_FISH = r"""# Completion of mftctl for fish: `mftctl completion fish | source`.
function __mftctl_at
    set -l found
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; and continue
        set -a found $word
        contains -- $word @GROUPS@; and test (count $found) -eq 1; or break
    end
    test "$argv[1]" = "$found"
end

function __mftctl_names
    set -l words (commandline -opc)
    $words[1] __complete $argv[1] (commandline -ct) -- $words[2..-1] 2>/dev/null </dev/null
end

complete -c mftctl -f
"""
