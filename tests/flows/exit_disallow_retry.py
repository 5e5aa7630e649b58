"""A process that leaves with code 202 is not retried, whatever @retry says."""

import sys

from metaflow import FlowSpec, current, retry, step


class ExitDisallowRetryFlow(FlowSpec):
    @retry(times=3, minutes_between_retries=0)
    @step
    def start(self):
        print("attempt", current.retry_count)
        sys.exit(202)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ExitDisallowRetryFlow()
