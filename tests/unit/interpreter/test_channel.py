"""A channel of a process whose flow may have changed what sockets are by default."""

from __future__ import annotations

import socket
import threading

import pytest

from mftctl.interpreter.inside.channel import Channel


@pytest.mark.parametrize("default", [0.0, 0.01])
def test_a_channel_waits_whatever_the_default_is(default):
    """`socket.setdefaulttimeout` in a flow's file is about its own sockets; ours wait for the worker."""
    ours, theirs = socket.socketpair()
    socket.setdefaulttimeout(default)
    try:
        channel = Channel.of_fd(theirs.detach())
    finally:
        socket.setdefaulttimeout(None)
    later = threading.Timer(0.1, ours.sendall, [b"1\n"])
    later.start()
    assert channel.receive() == 1
    channel.close()
    ours.close()
