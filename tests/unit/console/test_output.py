"""stdout is data, stderr is talk, and JSON keeps its promises."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mftctl.console import output
from mftctl.console.output import Result
from mftctl.console.text import columns
from mftctl.model.errors import Exit, MftctlError

ROOT = Path(__file__).resolve().parents[3]
RESULT = Result({"run_id": "r"}, text="run r", name="r", notes=("watch it",))
ERROR = MftctlError("no such thing", exit=Exit.NOT_FOUND, code="thing.unknown", hint="make one")


@pytest.fixture(autouse=True)
def text_again() -> Iterator[None]:
    yield
    output.begin([])
    output.name_server([])


@pytest.mark.parametrize(
    ("argv", "form"),
    [
        ([], "text"),
        (["deploy", "-o", "json"], "json"),
        (["-ojsonl"], "jsonl"),
        (["--format=name"], "name"),
        (["--format", "json"], "json"),
        (["-o", "yaml"], "text"),
        (["trigger", "x", "--", "-o", "json"], "text"),
        (["-o"], "text"),
        (["-qo", "json"], "json"),
        (["-yqojson"], "json"),
        (["-o=jsonl"], "jsonl"),
        (["--no-wait", "-o", "json"], "json"),
    ],
)
def test_the_format_is_known_before_the_arguments_are_parsed(argv: list[str], form: str) -> None:
    """So that a usage error is JSON too where JSON was asked for."""
    assert output.chosen(argv) == form


@pytest.mark.parametrize("argv", [["-q"], ["--quiet"], ["-yq"], ["-qo", "name"]])
def test_quiet_is_known_too(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """However it is written."""
    output.begin(argv)
    output.say("something")
    assert capsys.readouterr().err == ""


def test_commands_in_hints_name_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    """That of the command line: typed as shown, they would ask another one. Each flag once."""
    output.name_server(["--profile", "staging"])
    output.say("start a run: mftctl trigger F")
    output.say("serve it: mftctl worker F --profile staging")
    output.fail(MftctlError("it failed", hint="continue with `mftctl runs resume R`; mftctl help output"))
    assert capsys.readouterr().err.splitlines() == [
        "mftctl: start a run: mftctl trigger --profile staging F",
        "mftctl: serve it: mftctl worker F --profile staging",
        "mftctl: it failed",
        "hint: continue with `mftctl runs resume --profile staging R`; mftctl help output",
    ]


def test_what_others_have_written_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters are shown; a cell of a table stays one."""
    output.say("paused: \x1b]0;title\x07")
    assert capsys.readouterr().err == "mftctl: paused: \\x1b]0;title\\x07\n"
    assert columns([("a\tb", "c\nd\x9b2J")]) == "a b\tc d\\x9b2J"


def test_json_is_json_in_every_locale() -> None:
    """What the locale cannot encode is escaped as JSON escapes it."""
    render = "output.render(output.Result({'text': 'é 😀'}))"
    script = f"from mftctl.console import output; output.begin(['-o', 'json']); {render}"
    env = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "latin-1:backslashreplace"}
    done = subprocess.run([sys.executable, "-c", script], env=env, check=True, capture_output=True)
    assert json.loads(done.stdout.decode("ascii"))["text"] == "é 😀"


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """The text on stdout, notes on stderr."""
    assert output.render(RESULT) == Exit.OK
    assert capsys.readouterr() == ("run r\n", "mftctl: watch it\n")


def test_json_is_one_object_with_a_schema_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else is written, on stderr either."""
    output.begin(["-o", "json"])
    output.render(RESULT)
    written = capsys.readouterr()
    assert json.loads(written.out) == {"schema_version": 1, "run_id": "r"}
    assert not written.err


def test_lists_are_arrays_or_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty list is `[]` in json and nothing in jsonl."""
    rows = Result([{"a": 1}, {"a": 2}], name=["1", "2"])
    written = {}
    for form in ("json", "jsonl", "name"):
        output.begin(["-o", form])
        output.render(rows)
        output.render(Result([]))
        written[form] = capsys.readouterr().out
    assert written["jsonl"] == '{"schema_version": 1, "a": 1}\n{"schema_version": 1, "a": 2}\n'
    assert written["json"].endswith("]\n[]\n")
    assert written["name"] == "1\n2\n"


def test_an_error_is_a_line_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    """Its exit code is given back, and stdout stays empty."""
    assert output.fail(ERROR) == Exit.NOT_FOUND
    assert capsys.readouterr() == ("", "mftctl: no such thing\nhint: make one\n")


def test_an_error_in_json_is_one_object_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Code, message, hint and exit code; no talk beside it."""
    output.begin(["-o", "json"])
    output.say("compiling")
    output.fail(ERROR)
    written = capsys.readouterr()
    assert not written.out
    assert json.loads(written.err) == {
        "schema_version": 1,
        "error": {"code": "thing.unknown", "message": "no such thing", "hint": "make one", "exit_code": 4},
    }


def test_a_run_that_failed_is_data_and_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The result on stdout, the error with the log's last lines on stderr, and the error's exit code."""
    failed = Result({"status": "failed"}, text="r", error=ERROR, log=("Traceback", "  boom"))
    assert output.render(failed) == Exit.NOT_FOUND
    assert capsys.readouterr() == (
        "r\n",
        "mftctl: no such thing\n    Traceback\n      boom\nhint: make one\n",
    )
