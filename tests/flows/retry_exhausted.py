"""A step that fails at every attempt fails the run, with all its attempts on record."""

from metaflow import FlowSpec, current, retry, step


class RetryExhaustedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.doomed)

    @retry(times=2, minutes_between_retries=0)
    @step
    def doomed(self):
        self.attempt = current.retry_count
        print("attempt", current.retry_count)
        raise KeyError(f"attempt {current.retry_count}")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RetryExhaustedFlow()
