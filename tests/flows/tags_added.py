"""Tags given to a run are on it and in `current.tags`; a step may add more through the client."""

from metaflow import FlowSpec, current, step


class TagsAddedFlow(FlowSpec):
    @step
    def start(self):
        self.given = sorted(current.tags)
        self.next(self.adds)

    @step
    def adds(self):
        current.run.add_tag("added:by-step")
        current.run.add_tags(["more", "given"])
        self.seen = sorted(current.run.user_tags)
        self.next(self.end)

    @step
    def end(self):
        self.at_end = sorted(current.run.user_tags)


if __name__ == "__main__":
    TagsAddedFlow()
