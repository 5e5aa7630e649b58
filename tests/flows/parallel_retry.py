"""A node of a @parallel step that fails takes the whole step into its next attempt."""

from metaflow import FlowSpec, current, parallel, retry, step


class ParallelRetryFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=2)

    @retry(times=1, minutes_between_retries=0)
    @parallel
    @step
    def train(self):
        self.node = current.parallel.node_index
        self.attempt = current.retry_count
        if self.node == 1 and self.attempt == 0:
            raise ValueError("node 1 fails at first")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.nodes = [(i.node, i.attempt) for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParallelRetryFlow()
