"""A task's own process looks alike wherever it runs: name of the script, standard input, signals, main thread."""

import os
import signal
import sys
import threading

from metaflow import FlowSpec, step

FILE_AT_IMPORT = os.path.basename(__file__)
NAME_AT_IMPORT = __name__


class ProcessViewFlow(FlowSpec):
    @step
    def start(self):
        self.look()
        self.next(self.end)

    @step
    def end(self):
        self.look()

    def look(self):
        self.script = (os.path.basename(sys.argv[0]), FILE_AT_IMPORT, NAME_AT_IMPORT)
        self.step_in_argv = ("step" in sys.argv, self._current_step in sys.argv)
        self.flow_folder_first = os.path.exists(os.path.join(sys.path[0], FILE_AT_IMPORT))
        self.readable_source = os.path.exists(os.path.abspath(FILE_AT_IMPORT)) or os.path.exists(__file__)
        self.main = (
            threading.current_thread() is threading.main_thread(),
            sys.modules["__main__"].__dict__.get("ProcessViewFlow") is type(self),
            type(self).__module__,
        )
        # SIGINT is left out: a run inherits it from its shell, which ignores it for background jobs.
        self.signals = (
            signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
            signal.pthread_sigmask(signal.SIG_BLOCK, []) == set(),
        )
        self.stdin = sys.stdin.isatty()
        self.unbuffered = os.environ.get("PYTHONUNBUFFERED")
        self.threads = threading.active_count()


if __name__ == "__main__":
    ProcessViewFlow()
