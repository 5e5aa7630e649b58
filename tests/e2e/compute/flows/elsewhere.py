"""A step on each kind of backend, between steps that run on the worker."""

import os

import helper
from metaflow import FlowSpec, batch, catch, current, environment, kubernetes, retry, sandbox, step


class Elsewhere(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.boxed)

    @environment(vars={"OF_THE_STEP": "boxed"})
    @sandbox(env={"OF_THE_BOX": "yes"})
    @step
    def boxed(self):
        self.seen = [helper.look()]
        print("a line of", current.step_name)
        self.next(self.podded)

    @kubernetes(cpu=2, memory=1024, labels={"team": "ml"}, node_selector={"kind": "large"})
    @retry(times=1, minutes_between_retries=0)
    @step
    def podded(self):
        print("a line of", current.step_name, current.retry_count)
        if current.retry_count == 0:
            raise ValueError("the first attempt fails")
        self.seen = [*self.seen, helper.look()]
        self.next(self.batched)

    @catch(var="problem")
    @batch(memory=2048)
    @step
    def batched(self):
        self.seen = [*self.seen, helper.look()]
        print("a line of", current.step_name)
        if os.environ.get("AWS_BATCH_JOB_ID"):
            raise ValueError("it fails on the backend")
        self.next(self.end)

    @step
    def end(self):
        self.seen = [*self.seen, helper.look()]


if __name__ == "__main__":
    Elsewhere()
