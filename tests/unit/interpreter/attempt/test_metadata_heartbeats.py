"""Heartbeats of a run to a metadata service."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mftctl.interpreter.inside.attempt import metadata_heartbeats
from mftctl.model.errors import MftctlError


def _answer(monkeypatch: pytest.MonkeyPatch, answer: Any) -> Any:
    """The seconds until the next heartbeat when the service answers this one so."""
    response = SimpleNamespace(raise_for_status=lambda: None, json=lambda: answer)
    monkeypatch.setattr(metadata_heartbeats.requests, "post", lambda *_, **__: response)
    return metadata_heartbeats.send_of_run("service", "F", "r")["every"]


@pytest.mark.parametrize("answer", [{"wait_time_in_seconds": 10}, '{"wait_time_in_seconds": "10"}'])
def test_the_service_names_the_time_of_the_next(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    """In seconds; its answer may be JSON within JSON."""
    assert _answer(monkeypatch, answer) == 10


@pytest.mark.parametrize("answer", [[], 3, "[]", "no JSON", {"wait_time_in_seconds": "soon"}, None])
def test_an_odd_answer_is_a_heartbeat_that_did_not_arrive(
    monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    """An error that the worker reports; it sends the next one all the same."""
    with pytest.raises(MftctlError):
        _answer(monkeypatch, answer)
