"""Runs the command of a compute backend in a process of its own: `boot.py backend FILE … kubernetes step …`.

It starts the task on another machine, prints its output and waits for its end, as under `python flow.py run`. But the
workflow waits before a retry, and a stop is a TERM signal, not Ctrl-C.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import signal
import sys
from typing import Any, Callable

from ..search_path import add_package
from . import orphans

#: Characters that the name of a job on AWS Batch may have.
_MAX_BATCH_NAME = 128
#: Commands whose clients need time to take charge of a job that they have started, and the class that starts it.
_LAUNCHERS = (
    ("kubernetes", "metaflow.plugins.kubernetes.kubernetes", "Kubernetes"),
    ("batch", "metaflow.plugins.aws.batch.batch", "Batch"),
)


def main(file: str) -> None:
    """Run the flow's file with the backend's command, the arguments of this process."""
    sys.argv = [file, *sys.argv[3:]]
    add_package()
    # The backends' clients stop their jobs in exit handlers, which run after an interrupt only.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Not KILL, so that the client stops its job.
    orphans.end_with(os.getppid(), signal.SIGTERM)
    # It imports metaflow, as the functions below do: not before `add_package`.
    from .. import flow_file

    _skip_retry_delay()
    _start_jobs_unstopped()
    _shorten_batch_names()
    flow_file.execute(file)
    sys.exit(0)


def _skip_retry_delay() -> None:
    """Keep @kubernetes and @batch from sleeping before a retry: the workflow has waited already.

    They read the minutes of a step without @retry too, which has a second attempt when its worker was lost.
    """
    from metaflow import decorators
    from metaflow.plugins.retry_decorator import RetryDecorator

    original = decorators._init_step_decorators

    def initialise(flow: Any, *rest: Any, **more: Any) -> Any:
        result = original(flow, *rest, **more)
        for step in flow:
            found = [one for one in step.decorators if one.name == "retry"]
            if not found:
                found = [RetryDecorator(attributes={"times": 0}, statically_defined=True)]
                step.decorators.extend(found)
            for one in found:
                one.attributes["minutes_between_retries"] = 0
        return result

    decorators._init_step_decorators = initialise


def _start_jobs_unstopped() -> None:
    """Block TERM while a client starts a job, until it would stop that job at its end."""
    for command, module, name in _LAUNCHERS:
        if command in sys.argv:
            launcher = getattr(importlib.import_module(module), name)
            launcher.launch_job = _unstopped(launcher.launch_job)


def _unstopped(launch: Callable[..., Any]) -> Callable[..., Any]:
    def unstopped(*given: Any, **more: Any) -> Any:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            return launch(*given, **more)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    return unstopped


def _shorten_batch_names() -> None:
    """Shorten job names of @batch, which contain run and task ids: mftctl's are longer than Metaflow's."""
    if "batch" not in sys.argv:
        return
    from metaflow.plugins.aws.batch.batch import Batch

    original = Batch._job_name

    def job_name(self: Any, *parts: Any, **more: Any) -> str:
        name: str = original(self, *parts, **more)
        if len(name) <= _MAX_BATCH_NAME:
            return name
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{name[: _MAX_BATCH_NAME - len(digest) - 1]}-{digest}"

    Batch._job_name = job_name
