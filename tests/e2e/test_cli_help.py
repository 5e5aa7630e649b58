"""What the command line does before any command runs: help, version, and arguments it does not understand."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from mftctl.cli.app import COMMANDS, GROUPS, below, build

HEAVY = ("temporalio", "metaflow", "google.protobuf", "grpc", "boto3")


#: What is shown or refused without a server and without a flow.
LIGHT = (
    ["--version"],
    ["--help"],
    ["bogus"],
    [],
    *([*name.split(), "--help"] for name in (*GROUPS, *COMMANDS)),
    ["trigger", "x", "--bogus"],
    ["runs", "bogus"],
    ["help"],
    ["help", "profiles"],
    ["completion", "bash"],
    ["schema", "trigger"],
    ["__complete", "profiles", ""],
)


def test_nothing_heavy_is_imported_on_the_way_to_help(home) -> None:
    """Neither Temporal's SDK nor Metaflow is loaded to show help or to refuse an argument.

    One process runs all of them: what is loaded stays, so the first that loads something is named.
    """
    program = (
        "import json, sys\nfrom mftctl.__main__ import run\n"
        f"for words in {LIGHT!r}:\n"
        "    code = run(words)\n"
        f"    loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "    sys.stderr.write('\\nran: ' + json.dumps([words, code, loaded]) + '\\n')\n"
        "    if loaded: break\n"
    )
    done = home.command(sys.executable, "-c", program)
    ran = [json.loads(line[5:]) for line in done.stderr.splitlines() if line.startswith("ran: ")]
    assert [loaded for _, _, loaded in ran] == [[]] * len(LIGHT), ran[-1]
    refused = [["bogus"], [], ["trigger", "x", "--bogus"], ["runs", "bogus"]]
    assert [words for words, code, _ in ran if code] == refused


def test_every_command_can_be_imported() -> None:
    """Commands are registered by name: a slip there would show only when one is used."""
    app = build()
    for name in COMMANDS:
        found = app
        for word in name.split():
            found = found[word]
        assert found.default_command is not None


def test_every_topic_is_a_page(home) -> None:
    """`mftctl help` names the topics, and each is shown, without the targets of its links."""
    from mftctl.cli.help import TOPICS, text

    done = home.run("help")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(TOPICS)
    for topic in TOPICS:
        assert text(topic).startswith("# ")
        assert "](" not in text(topic)
    assert "Usage: mftctl runs pause" in home.run("help", "runs", "pause").stdout


def test_every_variable_is_in_the_topic() -> None:
    """`mftctl help environment` leaves out no variable of mftctl's own."""
    import re

    import mftctl
    from mftctl.cli.help import text
    from mftctl.profiles import KEYS

    there = text("environment")
    code = "".join(file.read_text() for file in Path(mftctl.__file__).parent.rglob("*.py"))
    named = set(re.findall(r"MFTCTL_[A-Z][A-Z_]*", code)) - {key.variable for key in KEYS.values()}
    assert {name for name in named if f"`{name}`" not in there} == set()


def test_version_is_one_line(home) -> None:
    """`mftctl --version` prints name and version."""
    import mftctl

    done = home.run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mftctl {mftctl.__version__}\n", "")


def test_help_lists_the_commands(home) -> None:
    """On stdout with exit code 0 when asked for."""
    done = home.run("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in below())


def test_no_command_is_a_usage_error(home) -> None:
    """A script that lost its argument learns so: help on stderr, exit code 2."""
    done = home.run()
    assert done.returncode == 2
    assert not done.stdout
    assert "deploy" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["deplyo"], "deplyo", "mftctl --help"),
        (["deploy"], "FLOW", "mftctl deploy --help"),
        (["deploy", "f.py", "--bogus"], "--bogus", "mftctl deploy --help"),
        (["trigger", "f", "--alpha", "1"], "--alpha", "name=value"),
        (["deploy", "f.py", "--max-workers", "many"], "--max-workers", "mftctl deploy --help"),
        (["worker"], "--all", "mftctl worker --help"),
        (["worker", "--all", "x"], "--all", "mftctl worker --help"),
        (["trigger", "f", "-o", "xml"], "xml", "mftctl trigger --help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_understood_is_one_line_and_a_hint(
    home, arguments: list[str], message: str, hint: str
) -> None:
    """Exit code 2, nothing on stdout, and where to look."""
    done = home.run(*arguments)
    assert done.returncode == 2
    assert not done.stdout
    said, hinted = done.stderr.splitlines()
    assert said.startswith("mftctl: ")
    assert message in said
    assert hinted.startswith("hint: ")
    assert hint in hinted


def test_a_usage_error_is_json_where_json_was_asked_for(home) -> None:
    """One object on stderr."""
    done = home.run("trigger", "-o", "json")
    assert done.returncode == 2
    error = json.loads(done.stderr)["error"]
    assert (error["code"], error["exit_code"]) == ("usage", 2)


def test_a_reader_that_goes_away_is_no_error(home) -> None:
    """`mftctl … | head` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    import subprocess

    with os.fdopen(write, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "mftctl", "--version"],
            env=home.env,
            cwd=home.folder,
            stdout=nobody,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_a_full_disk_is_said_in_a_line(home, arguments: list[str]) -> None:
    """Exit code 1 and why."""
    import subprocess

    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mftctl", *arguments],
            env=home.env,
            cwd=home.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert b"No space left" in done.stderr
    assert done.stderr.count(b"\n") == 1
