"""Write the reference of the command line, docs/reference/commands/: a page per command, and a man page.

    python packaging/reference.py [FOLDER]

All of it is made of the commands themselves; a test wants the pages to be as this makes them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from schema_table import table

from mftctl.cli import schema
from mftctl.cli.app import EPILOGUE, GROUPS, HELP
from mftctl.cli.command_tree import Command, Option, commands
from mftctl.cli.help import TOPICS

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference" / "commands"
MADE = "<!-- made by packaging/reference.py: change the code, and run `just reference` -->\n\n"
ROFF_MADE = '.\\" made by packaging/reference.py\n'


def main() -> None:
    """Write all pages, and remove those of commands that are gone."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in folder.iterdir():
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The pages by the names of their files."""
    told = commands()
    return {
        "index.md": _overview(told),
        "mftctl.1": _manual(told),
        **{f"{one.name.replace(' ', '-')}.md": _page(one) for one in told},
    }


def _overview(told: Sequence[Command]) -> str:
    lines = [MADE + "# Commands\n", HELP + "\n", "| command | description |", "|---|---|"]
    lines += [f"| [{one.name}]({one.name.replace(' ', '-')}.md) | {one.line} |" for one in told]
    lines += ["", EPILOGUE, "", "`mftctl help TOPIC` shows:", "", "| topic | description |", "|---|---|"]
    lines += [f"| [{name}](../{name}.md) | {line} |" for name, line in TOPICS.items()]
    for name, title in (("error", "JSON of errors"), ("event", "JSON of events")):
        lines += ["", f"## {title}", "", *table(schema.get(name) or {})]
    lines += ["", "```{toctree}", ":hidden:", ":glob:", "", "*", "```"]
    return "\n".join(lines) + "\n"


def _page(one: Command) -> str:
    lines = [MADE + f"# mftctl {one.name}\n", f"    {one.usage}\n", one.about, ""]
    if one.arguments:
        lines += ["| argument | description |", "|---|---|"]
        lines += [f"| `{each.name}` | {_cell(each.help)} |" for each in one.arguments]
        lines.append("")
    for group, options in _grouped(one):
        lines += [f"## {group}", "", "| option | description |", "|---|---|"]
        lines += [f"| {_names(each)} | {_cell(each.help)}{_choices(each)} |" for each in options]
        lines.append("")
    lines += ["## Examples", ""]
    for line, about in one.examples:
        lines += [f"    {line}" + (f"    # {about}" if about else "")]
    name = one.name.replace(" ", ".")
    found = schema.get(name)
    if found:
        lines += [
            "",
            "## JSON output",
            "",
            *table(found),
            "",
            f"`mftctl schema {name}` prints the JSON schema.",
        ]
    return "\n".join(lines) + "\n"


def _grouped(one: Command) -> list[tuple[str, list[Option]]]:
    return [(group, list(options)) for group, options in groupby(one.options, lambda each: each.group)]


def _names(option: Option) -> str:
    value = "CHOICE" if "|" in option.value else option.value
    return ", ".join(f"`{name}`" for name in option.names) + (f" `{value}`" if value else "")


def _choices(option: Option) -> str:
    choices = option.value.split("|")
    return f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices[1:] else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _manual(told: Sequence[Command]) -> str:
    parts = [ROFF_MADE, '.TH MFTCTL 1 "" "mftctl" "User Commands"\n', ".SH NAME\n"]
    parts += [f"mftctl \\- {_roff(HELP[0].lower() + HELP[1:].rstrip('.'))}\n", ".SH SYNOPSIS\n"]
    parts += [".B mftctl\nCOMMAND [OPTIONS] [ARGUMENTS]\n.br\n.B mftctl\n\\-\\-help | \\-\\-version\n"]
    parts.append(".SH COMMANDS\n")
    group = ""
    for one in told:
        if one.words[0] != group and one.words[0] in GROUPS:
            parts.append(f".P\n{_roff(GROUPS[one.words[0]])}\n")
        group = one.words[0]
        parts.append(_manual_entry(one))
    parts.append(".SH EXIT STATUS\n" + _roff(EPILOGUE.removeprefix("Exit codes: ")) + "\n.SH SEE ALSO\n")
    parts.append("".join(f".B mftctl help {_roff(name)}\n.br\n" for name in TOPICS))
    return "".join(parts)


def _manual_entry(one: Command) -> str:
    parts = [f".SS {_roff(one.usage)}\n", _roff(one.about).replace("\n\n", "\n.P\n") + "\n"]
    parts += [f".TP\n.I {_roff(each.name)}\n{_roff(each.help)}\n" for each in one.arguments]
    for option in one.options:
        names = ", ".join(f"\\fB{_roff(name)}\\fR" for name in option.names)
        parts.append(f".TP\n{names} \\fI{_roff(option.value)}\\fR\n{_roff(option.help)}\n")
    parts.append(".P\nExamples:\n.RS\n.nf\n")
    parts += [f"{_roff(line)}\n" for line, _ in one.examples]
    parts.append(".fi\n.RE\n")
    return "".join(parts)


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    # A line that begins with one of these is a request.
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in escaped.split("\n"))


if __name__ == "__main__":
    main()
