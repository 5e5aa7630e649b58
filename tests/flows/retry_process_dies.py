"""A task whose process dies (signal, hard exit) is retried like one that raised."""

import os
import signal

from metaflow import FlowSpec, current, retry, step


class RetryProcessDiesFlow(FlowSpec):
    @retry(times=3, minutes_between_retries=0)
    @step
    def start(self):
        print("attempt", current.retry_count, flush=True)
        if current.retry_count == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if current.retry_count == 1:
            os._exit(3)
        if current.retry_count == 2:
            raise SystemExit(4)
        self.attempt = current.retry_count
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RetryProcessDiesFlow()
