"""A flow to inherit from: two steps, a parameter and a decorated step."""

from metaflow import FlowSpec, Parameter, current, retry, step


class BaseFlow(FlowSpec):
    level = Parameter("level", type=int, default=2)

    @step
    def start(self):
        self.trail = ["base start"]
        self.next(self.middle)

    @retry(times=1, minutes_between_retries=0)
    @step
    def middle(self):
        self.trail = self.trail + [f"base middle {current.retry_count}"]
        if current.retry_count == 0:
            raise RuntimeError("once")
        self.next(self.finish)

    @step
    def finish(self):
        self.trail = self.trail + ["base finish"]
        self.next(self.end)
