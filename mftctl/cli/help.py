"""`mftctl help`: what is true of many commands, as topics; and the help of a command."""

import re
from importlib.resources import files
from pathlib import Path

from ..model.errors import Exit, MftctlError
from .output import Result, write

#: Topics by name: the page of the documentation that the topic is, and what it is about.
TOPICS = {
    "environment": "Variables that mftctl reads, and those that tasks get.",
    "exit-codes": "What a command's exit code says.",
    "output": "Where results and talk go, and how they are written.",
    "profiles": "Servers and settings by name.",
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
    from .app import COMMANDS, call

    known = COMMANDS.get(words[0])
    if known is None or (isinstance(known, dict) and words[1:2] and words[1] not in known):
        raise MftctlError(
            f"there is no topic and no command '{' '.join(words)}'",
            exit=Exit.NOT_FOUND,
            code="topic.unknown",
            hint=f"topics: {', '.join(TOPICS)}; `mftctl --help` lists the commands",
        )
    call([*words, "--help"])
    return Result()


def text(topic: str) -> str:
    """The topic's page for a terminal: its links are the words they stand on."""
    # A wheel has the pages beside the code, a checkout has them where they are written.
    shipped = files("mftctl") / "topics" / f"{topic}.md"
    written = Path(__file__).resolve().parents[2] / "docs" / "reference" / f"{topic}.md"
    page = shipped.read_text("utf-8") if shipped.is_file() else written.read_text("utf-8")
    return _LINK.sub(r"\1", page)
