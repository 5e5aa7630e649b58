"""One server and one worker for all tests here, whose activities are stand-ins; a test may be a coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from standin import Engine, server

from mftctl.operations.open_client import quiet_sdk


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """The event loop of the server's client, its worker and all tests."""
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="session")
def engine(runner: asyncio.Runner) -> Iterator[Engine]:
    """Starts runs on a server (0.5 s to start) with a worker."""
    quiet_sdk()
    stack = AsyncExitStack()
    made = Engine(runner.run(stack.enter_async_context(server())))
    runner.run(stack.enter_async_context(made.worker()))
    yield made
    runner.run(stack.aclose())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of the engine in one process under xdist: one server and one worker are enough for all of them."""
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("engine"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function; it has the fixture ``engine``."""
    if not asyncio.iscoroutinefunction(pyfuncitem.obj):
        return None
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    pyfuncitem._request.getfixturevalue("runner").run(pyfuncitem.obj(**given))
    return True
