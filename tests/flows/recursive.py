"""A switch that names itself repeats as tasks of the same step until it chooses another."""

from metaflow import FlowSpec, step


class RecursiveFlow(FlowSpec):
    @step
    def start(self):
        self.n = 0
        self.next(self.loop)

    @step
    def loop(self):
        self.n += 1
        self.more = "yes" if self.n < 4 else "no"
        self.next({"yes": self.loop, "no": self.after}, condition="more")

    @step
    def after(self):
        self.seen = self.n
        self.next(self.second)

    @step
    def second(self):
        self.n += 10
        self.more = "no"
        self.next({"yes": self.second, "no": self.end}, condition="more")

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RecursiveFlow()
