"""docs/how-to/troubleshooting.md quotes what mftctl says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "how-to" / "troubleshooting.md"
#: Words of the operating system.
ELSEWHERE = {"…: No space left on device"}


def texts(node: ast.AST) -> str:
    """The text that an expression makes, with `…` for what is put into it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[ds]|\{\w*\}", "…", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(texts(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return ""


@pytest.fixture(scope="module")
def said() -> str:
    """All texts in the source, a line each."""
    files = [*(ROOT / "mftctl").rglob("*.py"), *(ROOT / "packaging" / "start").glob("*.py")]
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    return "\n".join(filter(None, map(texts, nodes)))


def messages() -> list[str]:
    """Messages in the column of symptoms: cells that begin with one, or name one beside other words."""
    rows = re.findall(r"^\| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    quoted = re.compile(r"``(.+?)``|`([^`]+)`")
    found = ["".join(pair) for row in rows for pair in quoted.findall(row)]
    return [one for one in found if " " in one]


@pytest.mark.parametrize("message", [one for one in messages() if one not in ELSEWHERE])
def test_a_quoted_message_is_one_of_the_source(said: str, message: str) -> None:
    """Each message of several words that the page quotes is still in the source, with `…` for any value."""
    parts = [re.escape(part) for part in message.strip("… ").split("…")]
    assert re.search("[^\n]*?".join(parts), said), "change the page with the message"


def test_the_page_quotes_messages() -> None:
    """The test above finds what there is to hold."""
    assert len(messages()) > 30
