"""Three steps at once, each on a backend of its own."""

from metaflow import (
    Config,
    FlowSpec,
    batch,
    environment,
    kubernetes,
    project,
    resources,
    retry,
    sandbox,
    step,
    timeout,
)


@project(name="elsewhere")
class Held(FlowSpec):
    settings = Config("settings", default_value={"team": "ml"})

    @step
    def start(self):
        self.next(self.boxed, self.podded, self.batched)

    @environment(vars={"OF_THE_STEP": "boxed"})
    @sandbox(cpu=2, env={"OF_THE_BOX": "it's $HOME"})
    @step
    def boxed(self):
        self.next(self.join)

    @kubernetes(
        cpu=2, labels={"team": settings.team}, node_selector={"kind": "large"}, tolerations=[{"key": "gpu"}]
    )
    @resources(memory=2048)
    @timeout(hours=2)
    @retry(times=2, minutes_between_retries=10)
    @step
    def podded(self):
        self.next(self.join)

    @environment(vars={"OF_THE_STEP": "batched"})
    @batch(memory=2048, aws_batch_tags={"team": "ml"})
    @step
    def batched(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Held()
