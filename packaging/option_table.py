"""Write what is made of the tables of options (mftctl/model/options.py, mftctl/profiles/keys.py).

    python packaging/option_table.py

A test wants the files to be as this makes them:

- the options of `python flow.py temporal create`, as a module of their own: Metaflow imports the extension also where
  mftctl is not installed, so it cannot read the table
- the keywords in the docstring of the Deployer's `create`
- the keys of a profile in docs/reference/profiles.md
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

from mftctl.model.options import Option, Options, TokenOptions, rows
from mftctl.profiles.keys import KEYS, Key

ROOT = Path(__file__).resolve().parents[1]
EXTENSION = ROOT / "metaflow_extensions" / "temporal" / "plugins" / "temporal"
HEAD = '''# ruff: noqa: E501
# fmt: off
"""Options of `temporal create`: made from mftctl/model/options.py by `./just reference`, not edited."""

from metaflow._vendor import click

CREATE_OPTIONS = [
'''
#: Types of values: click's, and the Deployer's as its docstring has them.
_CLICK = {"count": "type=int, ", "switch": "is_flag=True, "}
_DEPLOYER = {"count": "int", "switch": "bool", "list": "List[str]"}
#: Types of the keys of a profile, in words.
_TYPES = {"switch": "true or false", "count": "number", "queue": "text", "words": "list", "commas": "list"}


def main() -> None:
    """Write all files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


def files() -> dict[Path, str]:
    """The files that are made of the tables, whole or in part."""
    options = [row for table in (Options, TokenOptions) for row in rows(table).values() if row.in_create]
    deployer, profiles = EXTENSION / "deployer.py", ROOT / "docs" / "reference" / "profiles.md"
    return {
        EXTENSION / "create_options.py": HEAD + "".join(map(_click_option, options)) + "]\n",
        deployer: _replaced(
            deployer.read_text("utf-8"),
            r"(def create\(.*?temporal_namespace : [^\n]*\n[^\n]*\n)(.*?)(\n +Returns\n)",
            "".join(map(_keyword, options)),
        ),
        profiles: _replaced(
            profiles.read_text("utf-8"),
            r"(\| key \|[^\n]*\n\|[-|]+\|\n)(.*?)(\n\n)",
            "\n".join(_key_rows()),
        ),
    }


def _replaced(text: str, pattern: str, part: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    assert found is not None, pattern
    return text[: found.start(2)] + part + text[found.end(2) :]


def _click_option(row: Option) -> str:
    kind = f"type=click.Choice({json.dumps(row.choices)}), " if row.choices else _CLICK.get(row.kind, "")
    kind = "type=int, " if row.seconds else "multiple=True, " if row.repeated else kind
    default = "False" if row.kind == "switch" else "None"
    return f'    click.option("{row.flag}", "{row.keyword}", {kind}default={default}, help={json.dumps(_help(row))}),\n'


def _keyword(row: Option) -> str:
    kind = "int" if row.seconds else _DEPLOYER.get(row.kind, "str")
    default = "False" if kind == "bool" else "None"
    more = f" One of {', '.join(row.choices)}." if row.choices else ""
    text = textwrap.fill(_help(row, repeated=False) + more, 108 - 12)
    return f"        {row.keyword} : {kind}, optional, default {default}\n{textwrap.indent(text, ' ' * 12)}\n"


def _help(row: Option, *, repeated: bool = True) -> str:
    text = row.sentence if repeated else row.sentence.replace("; may be repeated", "")
    return re.sub(r", such as [^(]*\w(?=[ .])", ", in seconds", text) if row.seconds else text


def _key_rows() -> list[str]:
    return [
        f"| `{key.name}` | {' or '.join(key.choices) or _TYPES.get(key.kind, key.kind)} | {_meaning(key)} "
        f"| {key.commands} | {f'`{key.flag}`' if key.flag else ''} |"
        for key in KEYS.values()
    ]


def _meaning(key: Key) -> str:
    return f"{key.help} (default: {key.default})" if key.default else key.help


if __name__ == "__main__":
    main()
