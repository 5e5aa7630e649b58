"""Prints what a run left behind, as the Client API shows it, in a form that two runs of one flow share.

    python dump.py FlowName/run_id [--import-from FOLDER]
    python dump.py --serve [--import-from FOLDER]      reads a pathspec a line, prints a dump a line

Runs in a process of its own: the environment says which datastore and metadata are meant. Tasks are named by what
they are (`body[0.2]~1`: step, foreach path, turn of a recursive switch), not by their ids. Standard library and
metaflow only.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any

# A script's own folder is on its path; as part of the package it would be `.canonical`.
from canonical import Names, canonical, clean_log, stand_in  # type: ignore[import-not-found]

# System tags which say when and where a run was made.
# A production deployment has a token, and its runs are tagged with it, as on every orchestrator; a local run has none.
TAGS_OF_THE_PLACE = (
    "runtime:",
    "python_version:",
    "date:",
    "metaflow_version:",
    "metaflow_r_version:",
    "production:",
)
# Metadata left out of the comparison, each with the reason.
METADATA_LEFT_OUT = {
    "ds-root": "a path of the machine",
    "code-package": "a local run uploads none",
    "git-info": "of the folder, which may be a package",
    "runtime": "names the runtime",
    "python_version": "of the machine",
    "date": "the day of the run",
    "metaflow_version": "of the machine",
    "metaflow_r_version": "of the machine",
    "origin-task-id": "an id",
    "production": "the token of a production deployment, which a local run has not",
}
CARD_DATA = re.compile(r'window\.__MF_DATA__\["[^"]*"\]\s*=\s*"([A-Za-z0-9+/=]+)"')
CARD_MARK = re.compile(r"CARD-MARK-\w+")
RANDOM_BY_INTENT = "draw_"


def __getattr__(name: str) -> type:
    """Stand in for a class of the flow's own file, which its pickles look for in `__main__`: here."""
    if name.startswith("__"):
        raise AttributeError(name)
    made: type = stand_in(name)
    globals()[name] = made
    return made


class Dump:
    """One run, read once through the client."""

    def __init__(self, pathspec: str) -> None:
        import metaflow
        from metaflow.client.core import Task

        metaflow.namespace(None)
        # The client hides artifacts with a leading underscore; they carry the graph's state.
        Task._iter_filter = lambda self, artifact: True
        self.client = metaflow
        self.run = metaflow.Run(pathspec)
        self.names = Names(self.run.id)
        self.values: dict[str, Any] = {}
        self.carded: set[str] = set()
        self.own_files: frozenset[str] = frozenset()

    def whole(self) -> dict[str, Any]:
        """Give everything about the run."""
        parameters = self._parameters()
        steps = {step.id: list(step) for step in self.run}
        tasks = [task for found in steps.values() for task in found]
        keys = {task.pathspec: key for task, key in zip(tasks, self._keys(tasks), strict=False)}
        for task in tasks:
            self.names.add(task.parent.id, task.id, keys[task.pathspec])
        self.values.clear()
        self.carded = self._steps_with_cards()
        return {
            "run": self._run(steps, keys),
            "parameters": self._parameters() if parameters else {},
            "tasks": {
                keys[t.pathspec]: self._task(t, keys) for t in sorted(tasks, key=lambda t: keys[t.pathspec])
            },
        }

    def _keys(self, tasks: list[Any]) -> list[str]:
        keys: list[str] = []
        for task in tasks:
            key = task.parent.id
            metadata = task.metadata_dict
            path = metadata.get("foreach-execution-path")
            if path:
                key += "[" + ".".join(frame.rsplit(":", 1)[1] for frame in path.split(",")) + "]"
            turns = self._private(task, "_iteration_stack")
            if turns:
                key += "~" + ".".join(map(str, turns))
            seen = sum(1 for other in keys if other.split("#")[0] == key)
            keys.append(f"{key}#{seen + 1}" if seen else key)
        return keys

    @staticmethod
    def _private(task: Any, name: str) -> Any:
        try:
            return task[name].data
        except KeyError:
            return None

    def _run(self, steps: dict[str, list[Any]], keys: dict[str, str]) -> dict[str, Any]:
        run, end = self.run, self.run.end_task
        return {
            "flow": run.pathspec.split("/")[0],
            "user_tags": sorted(map(self.names, run.user_tags)),
            "system_tags": self._tags(run.system_tags),
            "finished": run.finished,
            "successful": run.successful,
            "end_task": keys[end.pathspec] if end is not None else None,
            "steps": sorted(steps),
            "trigger": repr(run.trigger),
            "control_tasks": sorted(keys[t.pathspec] for s in run for t in s.control_tasks()),
        }

    def _tags(self, tags: frozenset[str]) -> list[str]:
        return sorted(self.names(tag) for tag in tags if not tag.startswith(TAGS_OF_THE_PLACE))

    def _parameters(self) -> dict[str, Any]:
        step = self.client.Step(f"{self.run.pathspec}/_parameters")
        (task,) = list(step)
        info = self._private(task, "_graph_info") or {}
        files = {str(info.get("file")), *(str(s.get("source_file")) for s in info.get("steps", {}).values())}
        self.own_files = frozenset(Path(file).name for file in files)
        metadata = [m for m in self._metadata(task) if m[0] in ("start_step", "end_step")]
        return {"artifacts": self._artifacts(task), "metadata": metadata}

    def _steps_with_cards(self) -> set[str]:
        info = self._private(next(iter(self.client.Step(f"{self.run.pathspec}/_parameters"))), "_graph_info")
        return {n for n, s in info["steps"].items() if any(d["name"] == "card" for d in s["decorators"])}

    def _task(self, task: Any, keys: dict[str, str]) -> dict[str, Any]:
        numbers = sorted({int(m.value) for m in task.metadata if m.name == "attempt"})
        exception = task.exception
        return {
            "successful": task.successful,
            "finished": task.finished,
            "index": task.index,
            "exception": None if exception is None else canonical(exception, self.names),
            "current_attempt": task.current_attempt,
            "parents": sorted(keys[p] for p in self._related(task, "parent_task_pathspecs")),
            "children": sorted(keys[p] for p in self._related(task, "child_task_pathspecs")),
            "tags": self._tags(task.tags),
            "cards": self._cards(task) if task.parent.id in self.carded else [],
            "attempts": {str(number): self._attempt(task, number) for number in numbers},
        }

    def _related(self, task: Any, kind: str) -> list[str]:
        try:
            flow = task.pathspec.split("/")[0]
            return [p if p.startswith(flow + "/") else f"{flow}/{p}" for p in getattr(task, kind)]
        except KeyError:  # the client reads the graph from the task's artifacts, and there may be none
            return []

    def _attempt(self, latest: Any, number: int) -> dict[str, Any]:
        task = self.client.Task(latest.pathspec, attempt=number)
        return {
            "artifacts": self._artifacts(task),
            "metadata": self._metadata(task),
            "stdout": self._log(task, "stdout"),
            "stderr": self._log(task, "stderr"),
        }

    def _artifacts(self, task: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for artifact in task:
            if artifact.sha not in self.values:
                self.values[artifact.sha] = canonical(self._loaded(artifact), self.names)
            found[artifact.id] = (
                "<random>" if artifact.id.startswith(RANDOM_BY_INTENT) else self.values[artifact.sha]
            )
        return found

    def _loaded(self, artifact: Any) -> Any:
        value = artifact.data
        if artifact.id != "_graph_info":
            return value
        for step in value["steps"].values():
            step["source_file"] = Path(step["source_file"]).name
        value.pop("extensions", None)
        return value

    def _metadata(self, task: Any) -> list[list[Any]]:
        rows = {
            (m.name, m.type, self.names(str(m.value)))
            for m in task.metadata
            if m.name not in METADATA_LEFT_OUT and not m.type.startswith("card")
        }
        return sorted([*row] for row in rows)

    def _log(self, task: Any, stream: str) -> list[Any]:
        lines = (
            line.decode("utf-8", "backslashreplace") for _, line in task.loglines(stream, as_unicode=False)
        )
        cleaned: list[Any] = clean_log(lines, self.names, self.own_files)
        return cleaned

    def _cards(self, task: Any) -> list[dict[str, Any]]:
        from metaflow.cards import get_cards
        from metaflow.plugins.cards.exception import CardNotPresentException

        try:
            cards = list(get_cards(task))
        except CardNotPresentException:
            return []
        found = [{"type": c.type, "id": c.id, "marks": self._marks(c.get())} for c in cards]
        return sorted(found, key=lambda card: json.dumps(card, sort_keys=True))

    @staticmethod
    def _marks(html: str) -> list[str]:
        """Give the flow's own words in a card, which holds its components as JSON in base64."""
        parts = [
            html,
            *(base64.b64decode(found).decode("utf-8", "replace") for found in CARD_DATA.findall(html)),
        ]
        return sorted({mark for part in parts for mark in CARD_MARK.findall(part)})


def serve() -> None:
    """Answer every pathspec on stdin, each from a fork, so that what one run's reading leaves behind ends with it."""
    import metaflow.cards  # noqa: F401 - what every fork needs

    for line in sys.stdin:
        if not (child := os.fork()):
            code = 0
            try:
                answer = json.dumps(Dump(line.strip()).whole(), sort_keys=True)
            except BaseException:  # noqa: BLE001 - the other end is told
                answer, code = json.dumps({"error": traceback.format_exc()}), 1
            print(answer, flush=True)
            os._exit(code)
        if (code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) < 0:
            print(json.dumps({"error": f"the reading process died with {code}"}), flush=True)


def main() -> None:
    """Print the run named on the command line as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pathspec", nargs="?")
    parser.add_argument("--serve", action="store_true", help="read the runs that are named on stdin")
    parser.add_argument(
        "--import-from", default=None, help="folder with modules whose classes are in artifacts"
    )
    options = parser.parse_args()
    if options.import_from:
        sys.path.append(options.import_from)
    if options.serve:
        serve()
    else:
        json.dump(Dump(options.pathspec).whole(), sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main()
