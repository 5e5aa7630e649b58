"""An exception fails its task and the run; what was set before it is kept, and no later step starts."""

from metaflow import FlowSpec, step


class FailsFlow(FlowSpec):
    @step
    def start(self):
        self.kept = "before"
        self.next(self.broken)

    @step
    def broken(self):
        self.also_kept = "set before the error"
        print("about to fail")
        raise LookupError("no such thing: ☃")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailsFlow()
