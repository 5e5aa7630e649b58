"""merge_artifacts takes what is equal or unique, with include, exclude and values set before it."""

from metaflow import FlowSpec, step


class MergeArtifactsFlow(FlowSpec):
    @step
    def start(self):
        self.same = [1]
        self.next(self.a, self.b)

    @step
    def a(self):
        self.x, self.only_a, self.skipped = 1, "a", "a"
        self.next(self.join)

    @step
    def b(self):
        self.x, self.only_b, self.skipped = 2, "b", "b"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.x = max(i.x for i in inputs)
        self.merge_artifacts(inputs, exclude=["skipped"])
        self.items = [1, 2]
        self.next(self.fan)

    @step
    def fan(self):
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.mine = self.input
        self.next(self.join_fan)

    @step
    def join_fan(self, inputs):
        self.merge_artifacts(inputs, include=["x", "only_a"])
        self.has_b = hasattr(self, "only_b")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MergeArtifactsFlow()
