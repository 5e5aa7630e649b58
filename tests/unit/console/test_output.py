"""stdout is data, stderr is talk, and JSON keeps its promises."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mftctl.console import output
from mftctl.console.output import Result
from mftctl.model.errors import Exit, MftctlError

RESULT = Result({"run_id": "r"}, text="run r", name="r", notes=("watch it",))
ERROR = MftctlError("no such thing", exit=Exit.NOT_FOUND, code="thing.unknown", hint="make one")


@pytest.fixture(autouse=True)
def text_again() -> Iterator[None]:
    yield
    output.begin([])


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
    ],
)
def test_the_format_is_known_before_the_arguments_are_parsed(argv: list[str], form: str) -> None:
    """So that a usage error is JSON too where JSON was asked for."""
    assert output.chosen(argv) == form


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
