"""Lines of tasks' logs that are new since they were read last, so that following a long log reads each part once."""

from __future__ import annotations

from datetime import timezone
from typing import Any


class Logs:
    """The logs of one run in its datastore, and how far each was read.

    A log is kept whole under one name, and grows. A local one is read from where it was left; of another its size is
    asked, and it is loaded where that has changed.
    """

    def __init__(self, store: Any, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._read: dict[tuple[Any, ...], int] = {}

    def lines(self, which: list[Any], streams: list[str]) -> list[list[Any]]:
        """New lines of an attempt, or of the last one, in order; none of one that has saved nothing yet.

        ``which``: step, task id, attempt or None, and whether the task is over: only then a last line without an end
        is one.
        """
        from metaflow.datastore.exceptions import DataException
        from metaflow.mflog import LOG_SOURCES, mflog

        step, task, attempt, over = which
        try:
            # With the attempt known, nothing has to be looked up before its log: no data of it is wanted.
            known: dict[str, Any] = {} if attempt is None else {"data_metadata": {}}
            data = self._store.get_task_datastore(
                self._run_id, step, task, attempt=attempt, allow_not_done=True, **known
            )
        except DataException:
            return []
        found: list[list[Any]] = []
        for stream in streams:
            blobs = [self._new(data, source, stream, (step, task, attempt), over) for source in LOG_SOURCES]
            at = 0.0
            for line in mflog.merge_logs([blob for blob in blobs if blob]):
                if line.utc_tstamp != mflog.MISSING_TIMESTAMP:
                    at = line.utc_tstamp.replace(tzinfo=timezone.utc).timestamp()
                found.append([at, stream, line.msg.rstrip(b"\r\n").decode("utf-8", errors="replace")])
        return sorted(found, key=lambda line: line[0])

    def _new(self, data: Any, source: str, stream: str, task: tuple[Any, ...], over: bool) -> bytes:
        storage = data._storage_impl
        name = data._metadata_name_for_attempt(data._get_log_location(source, stream))
        path = storage.path_join(data._path, name)
        key = (*task, source, stream)
        begin = self._read.get(key, 0)
        size = storage.size_file(path)
        if size is None or size == begin:
            return b""
        begin = begin if size > begin else 0  # written anew
        if storage.TYPE == "local":
            with open(storage.full_uri(path), "rb") as file:
                file.seek(begin)
                blob = file.read()
        else:
            blob = (data._load_file([name], add_attempt=False)[name] or b"")[begin:]
        if not over:
            blob = blob[: blob.rfind(b"\n") + 1]
        self._read[key] = begin + len(blob)
        return blob
