"""Prints the tasks of runs that finished well: ids, and artifacts in a form that two runs of a flow share.

    python finished.py FlowName/run_id... [--import-from FOLDER]

A resumed run has other tasks beside them, which failed or were stopped, and were run again. Runs in a process of its
own, as dump.py does, of which it is a part.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from dump import Dump, __getattr__  # type: ignore[import-not-found]  # noqa: F401 - pickles look for classes here


def finished(pathspec: str) -> dict[str, Any]:
    """Give whether the run went well, and its finished tasks, the newest of each first, by what they are."""
    dump = Dump(pathspec)
    found: dict[str, list[Any]] = {}
    for task in (task for step in dump.run for task in step if task.successful):
        key = _key(dump, task)
        dump.names.add(task.parent.id, task.id, key)
        found.setdefault(key, []).append(task)
    return {
        "successful": dump.run.successful,
        "finished": dump.run.finished,
        "tasks": {
            key: [
                {
                    "id": task.id,
                    "origin": task.metadata_dict.get("origin-run-id"),
                    "cloned": task.metadata_dict.get("origin-task-id"),
                    "artifacts": dump._artifacts(task),
                }
                for task in tasks
            ]
            for key, tasks in found.items()
        },
    }


def _key(dump: Any, task: Any) -> str:
    """`body[0.2]~1`, as dump.py has it, but of the artifacts: a clone has no metadata that says where it was."""
    path = ".".join(str(frame.index) for frame in dump._private(task, "_foreach_stack") or ())
    turns = "".join(f"~{turn}" for turn in dump._private(task, "_iteration_stack") or ())
    return str(task.parent.id) + (f"[{path}]" if path else "") + turns


def main() -> None:
    """Print what is asked for on the command line as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pathspec", nargs="+")
    parser.add_argument(
        "--import-from", default=None, help="folder with modules whose classes are in artifacts"
    )
    options = parser.parse_args()
    if options.import_from:
        sys.path.append(options.import_from)
    json.dump([finished(pathspec) for pathspec in options.pathspec], sys.stdout)


if __name__ == "__main__":
    main()
