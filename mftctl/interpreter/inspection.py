"""Inspect the flow's interpreter: what it is, and whether it can use the metadata provider and the datastore."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

from ..model.errors import MftctlError
from .client import Client, ProcessEnded

#: Seconds for each part: a cloud's datastore may be slow, and one that does not answer is tried more than once.
TIMEOUT = 30.0
#: What is inspected, in this order: the other two need the first.
PARTS = ("interpreter", "metadata", "datastore")
#: Metaflow would try again for minutes.
_ONCE = {
    "METAFLOW_SERVICE_RETRY_COUNT": "1",
    "METAFLOW_S3_RETRY_COUNT": "0",
    "METAFLOW_S3_TRANSIENT_RETRY_COUNT": "0",
    "METAFLOW_S3_CLIENT_RETRY_CONFIG": '{"max_attempts": 1, "mode": "standard"}',
}


def examine(
    python: str, metadata: str | None, datastore: str | None, datastore_root: str | None
) -> dict[str, dict[str, Any]]:
    """What was found of ``interpreter``, ``metadata`` and ``datastore``; each has ``error`` when it cannot be used.

    ``interpreter``: ``version``, ``executable``, ``metaflow``, ``own_metaflow`` (or mftctl's) and ``remark``
    (on its version); the others have ``type`` and ``where``. What could not be tried, because something before it
    failed, is left out. Where ``metadata`` or ``datastore`` is None, Metaflow's own settings decide.
    """
    fields = {"metadata": metadata, "datastore": datastore, "datastore_root": datastore_root}
    return asyncio.run(_examine(python, fields))


async def _examine(python: str, fields: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryFile() as output:
        try:
            client = Client.start(python, "examine", _ONCE, output=output.fileno())
        except MftctlError as error:
            return {"interpreter": {"executable": python, "error": error.message}}
        try:
            for part in PARTS:
                found[part] = await client.request(part, fields, timeout=TIMEOUT)
                if part == "interpreter" and "error" in found[part]:
                    break
        except TimeoutError:
            found[part] = {"error": f"no answer in {TIMEOUT:g} s"}
        except MftctlError as error:
            found[part] = {"error": error.message}
        except ProcessEnded:
            reason = f"it {await client.end_reason()}"
            output.seek(0)
            lines = output.read().decode(errors="replace").strip().splitlines()
            found[part] = {"error": reason + (f": {lines[-1]}" if lines else "")}
        finally:
            client.kill()
    return found
