"""@catch steps in only after all @retry attempts are used up."""

from metaflow import FlowSpec, catch, current, retry, step


class CatchRetryFlow(FlowSpec):
    @retry(times=2, minutes_between_retries=0)
    @catch(var="problem")
    @step
    def start(self):
        self.attempt = current.retry_count
        print("attempt", current.retry_count)
        raise ValueError(f"attempt {current.retry_count}")
        self.next(self.recovers)

    @catch(var="none_here")
    @retry(times=2, minutes_between_retries=0)
    @step
    def recovers(self):
        if current.retry_count == 0:
            raise ValueError("once")
        self.recovered = current.retry_count
        self.next(self.end)

    @step
    def end(self):
        self.seen = (self.problem.exception, self.none_here, self.recovered)


if __name__ == "__main__":
    CatchRetryFlow()
