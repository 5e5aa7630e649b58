"""Prints what a run left behind, by step and attempt, as JSON: `read.py FLOW/RUN`."""

import json
import sys

from metaflow import Run, Task, namespace

namespace(None)
found = {}
for step in Run(sys.argv[1]):
    task = step.task
    attempts = [Task(task.pathspec, attempt=number) for number in range(task.current_attempt + 1)]
    found[step.id] = {
        "seen": task["seen"].data if "seen" in task else None,
        "attempts": [{"stdout": one.stdout, "stderr": one.stderr} for one in attempts],
    }
print(json.dumps(found))
