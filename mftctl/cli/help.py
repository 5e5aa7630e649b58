"""`mftctl help`: topics that concern many commands, and the help of a command."""

import re
from importlib.resources import files
from pathlib import Path

from ..console.output import Result, write
from ..model.errors import NotFoundError
from .app import COMMANDS, below, call

#: Topics by the name of their page in the documentation.
TOPICS = {
    "environment": "Variables that mftctl reads, and those that it sets for tasks.",
    "exit-codes": "Exit codes and their meaning.",
    "output": "Where results and messages go, and their formats.",
    "profiles": "Named servers and settings.",
}
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def help_(*words: str) -> Result[None]:
    """Show a topic, or the help of a command; without either, list the topics.

    Parameters
    ----------
    words
        A topic, or a command such as runs resume.
    """
    if not words:
        write("".join(f"{name:<13}{line}\n" for name, line in TOPICS.items()))
        return Result(
            notes=("`mftctl help TOPIC` shows one, `mftctl help COMMAND` the options of a command",)
        )
    if len(words) == 1 and words[0] in TOPICS:
        write(text(words[0]))
        return Result()
    if words[0] not in below() or (words[1:] and not {words[0], " ".join(words[:2])} & COMMANDS.keys()):
        raise NotFoundError(
            f"no topic or command '{' '.join(words)}'",
            code="topic.unknown",
            hint=f"topics: {', '.join(TOPICS)}; `mftctl --help` lists the commands",
        )
    call([*words, "--help"])
    return Result()


def text(topic: str) -> str:
    """The topic's page for a terminal, without the addresses of links."""
    # A wheel has the pages beside the code, a checkout has them where they are written.
    shipped = files("mftctl") / "topics" / f"{topic}.md"
    written = Path(__file__).resolve().parents[2] / "docs" / "reference" / f"{topic}.md"
    page = shipped.read_text("utf-8") if shipped.is_file() else written.read_text("utf-8")
    return _LINK.sub(r"\1", page)
