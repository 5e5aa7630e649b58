"""`mftctl dev` while its server starts."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from mftctl.model.errors import Exit

#: A server whose start takes long, such as for its download.
STARTING = """
import time
from mftctl.local import devserver
from mftctl.operations import embedded_server

def open_server(*_):
    print("starting", flush=True)
    time.sleep(60)

devserver.open_server = open_server
embedded_server.run_server(None, None)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_is_interrupted_at_once(number: signal.Signals) -> None:
    """Whatever it waits for."""
    with subprocess.Popen([sys.executable, "-c", STARTING], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"starting\n"
        process.send_signal(number)
        assert process.wait(20) == Exit(128 + number)
