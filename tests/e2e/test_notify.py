"""Receivers of --notify-url."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from receiver import Receiver, receiving

FLOW = """
from metaflow import FlowSpec, Parameter, step

class TellFlow(FlowSpec):
    fails = Parameter("fails", default=False)

    @step
    def start(self):
        if self.fails:
            raise ValueError("no luck")
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    TellFlow()
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that listens for the length of a test."""
    with receiving() as made:
        yield made


def test_the_end_of_a_run_is_told_signed_and_again_until_it_is_heard(
    served: Any, receiver: Receiver, wait_until: Callable[..., None]
) -> None:
    """Good and bad ends are posted with an id that stays, once more where the receiver was not well."""
    options = ("--notify-url", receiver.url, "--notify-key-env", "SIGNING_KEY")
    assert served.run("deploy", str(served.flow("tell.py", FLOW)), *options).returncode == 0
    served.worker("TellFlow", SIGNING_KEY="s3cret")
    receiver.answers = [503]
    assert served.run("trigger", "TellFlow", "--wait").returncode == 0
    wait_until(lambda: len(receiver.got) == 2, "the second try has come")
    (headers, body), (_, again) = receiver.got
    told = json.loads(body)
    assert json.loads(again) == told
    assert (told["event"], told["failure"], told["flow"]) == ("run.completed", None, "TellFlow")
    assert headers["X-Mftctl-Id"] == told["id"]
    wanted = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers["X-Mftctl-Signature"] == f"sha256={wanted}"
    done = served.run("trigger", "TellFlow", "fails=true", "--wait", "-o", "json")
    assert done.returncode == 3
    wait_until(lambda: len(receiver.got) == 3, "the failure is told")
    failed = json.loads(receiver.got[2][1])
    assert (failed["event"], failed["run_id"]) == ("run.failed", json.loads(done.stdout)["run_id"])
    assert (failed["failure"]["step"], failed["failure"]["attempt"]) == ("start", 0)
    assert "no luck" in "".join(failed["failure"]["log"])
    assert failed["started_at"] <= failed["ended_at"]


def test_a_receiver_must_be_a_url(served: Any) -> None:
    """Anything but http and https is refused at deploy."""
    done = served.run("deploy", str(served.flow("tell.py", FLOW)), "--notify-url", "ftp://example.com")
    assert done.returncode == 2
    assert "ftp://example.com" in done.stderr
