"""@timeout interrupts a step: the next attempt may pass, and @catch takes the last one."""

import time

from metaflow import FlowSpec, catch, current, retry, step, timeout


class TimeoutCaughtFlow(FlowSpec):
    @timeout(seconds=1)
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        if current.retry_count == 0:
            time.sleep(60)
        self.attempt = current.retry_count
        self.next(self.slow)

    @catch(var="problem", print_exception=False)
    @timeout(seconds=1)
    @step
    def slow(self):
        self.begun = True
        time.sleep(60)
        self.next(self.end)

    @timeout(minutes=5)
    @step
    def end(self):
        self.seen = self.problem.exception.splitlines()[0]


if __name__ == "__main__":
    TimeoutCaughtFlow()
