"""A run that is started under an id that was told before."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control.runs import start
from mftctl.engine.payloads import RunInput
from mftctl.model.errors import Exit, MftctlError
from mftctl.model.manifest import Launch, Manifest, Package, Step
from mftctl.model.parameter import Parameter

RUN = "temporal-tiny-nightly-1"


def _run(**changed: Any) -> RunInput:
    words = ("local", "local", "/root", "local", "nullSidecarLogger", "nullSidecarMonitor")
    launch = Launch("Tiny", "tiny.py", Package("sha", "url", "{}"), "python", *words)
    parameters = (Parameter("alpha", "int"), Parameter("day", "str", default="monday"))
    manifest = Manifest("Tiny", launch, "start", "end", (Step("start", "start"),), "q", "me", parameters)
    return replace(RunInput(manifest, RUN, {"alpha": "1", "day": "monday"}, ("nightly",)), **changed)


class _Server:
    """A client whose server answers the start of a workflow with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def start_workflow(self, *_: Any, **__: Any) -> None:
        raise self.error


def _start(server: Any, run: RunInput, told: list[str]) -> start.StartedRun:
    given = {"alpha": run.parameters["alpha"]}
    client: Client = server
    return asyncio.run(start.start_once(client, run, given, lambda: told.append(run.run_id)))


@pytest.mark.parametrize(
    "status", [RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.UNKNOWN]
)
def test_a_connection_that_dies_loses_no_id(status: RPCStatusCode) -> None:
    """The id was told before the server was asked, and the error says how to ask again."""
    told: list[str] = []
    with pytest.raises(MftctlError) as caught:
        _start(_Server(RPCError("gone", status, b"")), _run(), told)
    assert told == [RUN]
    assert f"run {RUN} may have started" in caught.value.message
    assert f"--run-id {RUN}" in caught.value.hint
    assert caught.value.exit == Exit.UNREACHABLE


def test_what_is_refused_before_is_not_told() -> None:
    """Parameters that are too large start nothing, so no id is told or written."""
    told: list[str] = []
    with pytest.raises(MftctlError, match="too large"):
        _start(_Server(AssertionError()), _run(parameters={"alpha": "1" * 300_000, "day": "monday"}), told)
    assert told == []


@pytest.mark.parametrize(("letters", "starts"), [(100_000, True), (140_000, False)])
def test_parameters_are_measured_in_bytes_of_utf8(letters: int, starts: bool) -> None:
    """A letter of two bytes counts as two, not as one and not as JSON's six for it."""
    told: list[str] = []
    with pytest.raises(MftctlError) as caught:
        _start(
            _Server(RPCError("gone", RPCStatusCode.UNAVAILABLE, b"")),
            _run(parameters={"alpha": "\u00e9" * letters, "day": "monday"}),
            told,
        )
    assert ("too large" in caught.value.message, told) == (not starts, [RUN] if starts else [])


@pytest.mark.parametrize(
    ("there", "problem"),
    [
        (_run(), None),
        (_run(tags=("weekly",)), "other tags"),
        (_run(parameters={"alpha": "2", "day": "monday"}), "'alpha' has another value"),
        (_run(parameters={"alpha": "1", "day": "tuesday"}), "'day' has another value"),
        (_run(manifest=replace(_run().manifest, deployment="Other")), "belongs to Other"),
        # The deployment has got a new version since, and a new default: the request is the same.
        (
            _run(
                parameters={"alpha": "1", "day": "sunday"},
                manifest=replace(
                    _run().manifest,
                    parameters=(Parameter("alpha", "int"), Parameter("day", default="sunday")),
                ),
            ),
            None,
        ),
    ],
)
def test_the_same_request_is_the_same_run(
    monkeypatch: pytest.MonkeyPatch, there: RunInput, problem: str | None
) -> None:
    """An id that is there is this run where it was asked for with the same parameters and tags, else a conflict."""

    async def found(*_: Any) -> Any:
        return SimpleNamespace(run_id=RUN, status="completed")

    async def given(*_: Any) -> RunInput:
        return there

    monkeypatch.setattr(start, "describe", found)
    monkeypatch.setattr(start, "run_input", given)
    server = _Server(WorkflowAlreadyStartedError(RUN, "Tiny"))
    if problem is None:
        assert _start(server, _run(), []) == start.StartedRun(RUN, "completed", again=True)
        return
    with pytest.raises(MftctlError, match=problem) as caught:
        _start(server, _run(), [])
    assert caught.value.exit == Exit.CONFLICT


@pytest.mark.parametrize(
    "name",
    [
        "nightly-1",  # lists would not show it
        "temporal-other-1",
        "temporal-tiny-",
        "temporal-tiny-a.b",  # a child workflow's
        "temporal-tiny-a/b",
        "temporal-tiny-2026-01-01T060000Z",  # a Schedule's
        "temporal-tiny-ü",
        "temporal-tiny-" + "x" * 200,
    ],
)
def test_an_id_that_cannot_be_is_refused(name: str) -> None:
    """Exit code 2 says how an id is written."""
    with pytest.raises(MftctlError) as caught:
        start.run_id_for("Tiny", name)
    assert caught.value.exit == Exit.USAGE
    assert "temporal-tiny-NAME" in caught.value.hint


def test_an_id_that_nobody_names_is_new() -> None:
    """Each is one that nobody has; one that is named is kept."""
    assert start.run_id_for("Tiny", None) != start.run_id_for("Tiny", None)
    assert start.run_id_for("Tiny", "temporal-tiny-2026-01-01") == "temporal-tiny-2026-01-01"
