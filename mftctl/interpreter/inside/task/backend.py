"""The command of a compute backend in a process of its own: `boot.py backend FILE … kubernetes step …`.

It starts the task elsewhere, shows its output and waits for its end, as in `python flow.py run`. What differs is what
Temporal does for it: waiting before a retry, and asking it to stop with TERM, not with a terminal's Ctrl-C.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import signal
import sys
from typing import Any, Callable

from .. import program
from ..attempt import orphans
from ..environment import settle

#: AWS Batch takes no longer name of a job.
_MAX_BATCH_NAME = 128
#: Commands whose clients need a while to take charge of a job that they have started, and the class that starts it.
_LAUNCHERS = (
    ("kubernetes", "metaflow.plugins.kubernetes.kubernetes", "Kubernetes"),
    ("batch", "metaflow.plugins.aws.batch.batch", "Batch"),
)


def main(fd: str) -> None:
    """Run the file that stands where other modes have a socket, with the backend's command behind it."""
    file = fd
    sys.argv = [file, *sys.argv[3:]]
    settle()
    # The backends' clients stop what they have started in exit handlers, which run after an interrupt alone.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Not KILL: the client stops the job that it has started.
    orphans.end_with(os.getppid(), signal.SIGTERM)
    _wait_no_more()
    _launch_whole()
    _fit_batch_names()
    program.execute(file)
    sys.exit(0)


def _wait_no_more() -> None:
    """@kubernetes and @batch sleep for @retry's minutes before a retry; the attempt has been started after them.

    They take the minutes of a step without @retry for a number as well, which is tried again when its worker was lost.
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


def _launch_whole() -> None:
    """A job is not stopped between its start and the moment from which its client would stop it on the way out."""
    for command, module, name in _LAUNCHERS:
        if command in sys.argv:
            launcher = getattr(importlib.import_module(module), name)
            launcher.launch_job = _unstopped(launcher.launch_job)


def _unstopped(launch: Callable[..., Any]) -> Callable[..., Any]:
    def whole(*given: Any, **more: Any) -> Any:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            return launch(*given, **more)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    return whole


def _fit_batch_names() -> None:
    """Our ids are longer than a metadata service's numbers, and @batch makes the job's name of all of them."""
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
