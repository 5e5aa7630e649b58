"""A step that fails at first succeeds at its second attempt; each attempt keeps its own log and artifacts."""

from metaflow import FlowSpec, current, retry, step


class RetrySecondFlow(FlowSpec):
    @retry(times=2, minutes_between_retries=0)
    @step
    def start(self):
        self.attempt = current.retry_count
        print(f"out of attempt {current.retry_count}")
        if current.retry_count == 0:
            self.left_behind = "only in attempt 0"
            raise RuntimeError("first attempt fails")
        self.items = [0, 1, 2]
        self.next(self.body, foreach="items")

    @retry(times=3, minutes_between_retries=0)
    @step
    def body(self):
        self.attempt = current.retry_count
        if current.retry_count < self.input:
            raise ValueError(f"split {self.index} attempt {current.retry_count}")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.attempts = [i.attempt for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        self.attempt = current.retry_count


if __name__ == "__main__":
    RetrySecondFlow()
