"""Reads the lines of tasks' logs that are new since the last read: following a long log reads each part once."""

from __future__ import annotations

from datetime import timezone
from typing import Any

from metaflow.datastore.exceptions import DataException
from metaflow.mflog import LOG_SOURCES, mflog


class Logs:
    """The logs of one run in its datastore, and how far each has been read.

    A log is one object, which grows. In a local datastore it is read from the last position; elsewhere it is loaded
    whole when its size has changed.
    """

    def __init__(self, store: Any, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._read: dict[tuple[Any, ...], int] = {}

    def lines(self, which: list[Any], streams: list[str]) -> list[list[Any]]:
        """New lines of an attempt, in order: ``[Unix time, stream, text]``.

        ``which``: step, task id, attempt (None: the last one), and whether the task has ended. Only then a last line
        without a newline counts.
        """
        step, task, attempt, ended = which
        try:
            # With a known attempt, its log is read without a look at its data.
            known: dict[str, Any] = {} if attempt is None else {"data_metadata": {}}
            data = self._store.get_task_datastore(
                self._run_id, step, task, attempt=attempt, allow_not_done=True, **known
            )
        except DataException:
            return []
        found: list[list[Any]] = []
        for stream in streams:
            blobs = [self._new(data, source, stream, (step, task, attempt), ended) for source in LOG_SOURCES]
            at = 0.0
            for line in mflog.merge_logs([blob for blob in blobs if blob]):
                if line.utc_tstamp != mflog.MISSING_TIMESTAMP:
                    at = line.utc_tstamp.replace(tzinfo=timezone.utc).timestamp()
                found.append([at, stream, line.msg.rstrip(b"\r\n").decode("utf-8", errors="replace")])
        return sorted(found, key=lambda line: line[0])

    def _new(self, data: Any, source: str, stream: str, task: tuple[Any, ...], ended: bool) -> bytes:
        storage = data._storage_impl
        name = data._metadata_name_for_attempt(data._get_log_location(source, stream))
        path = storage.path_join(data._path, name)
        key = (*task, source, stream)
        begin = self._read.get(key, 0)
        size = storage.size_file(path)
        if size is None or size == begin:
            return b""
        begin = begin if size > begin else 0  # it was written anew
        if storage.TYPE == "local":
            with open(storage.full_uri(path), "rb") as file:
                file.seek(begin)
                blob = file.read()
        else:
            blob = (data._load_file([name], add_attempt=False)[name] or b"")[begin:]
        if not ended:
            blob = blob[: blob.rfind(b"\n") + 1]
        self._read[key] = begin + len(blob)
        return blob
