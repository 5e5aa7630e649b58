"""When the process dies, @catch runs its fallback as one more attempt and the run goes on."""

import os

from metaflow import FlowSpec, catch, current, retry, step


class CatchProcessDiesFlow(FlowSpec):
    @catch(var="problem")
    @step
    def start(self):
        os._exit(5)
        self.next(self.both)

    @catch(var="other_problem")
    @retry(times=1, minutes_between_retries=0)
    @step
    def both(self):
        print("attempt", current.retry_count, flush=True)
        os._exit(6)
        self.next(self.end)

    @step
    def end(self):
        self.seen = (self.problem.exception, self.other_problem.exception)


if __name__ == "__main__":
    CatchProcessDiesFlow()
