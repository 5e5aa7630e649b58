"""A foreach inside a foreach: each inner join closes its own fan, with fans of different widths."""

from metaflow import FlowSpec, step


class ForeachNestedFlow(FlowSpec):
    @step
    def start(self):
        self.outer = [2, 1, 3]
        self.next(self.fan, foreach="outer")

    @step
    def fan(self):
        self.inner = [f"{self.input}.{n}" for n in range(self.input)]
        self.next(self.body, foreach="inner")

    @step
    def body(self):
        self.where = [(i, n, v) for i, n, v in self.foreach_stack()]
        self.next(self.join_inner)

    @step
    def join_inner(self, inputs):
        self.wheres = [i.where for i in inputs]
        self.here = (self.index, self.input, self.foreach_stack())
        self.next(self.join_outer)

    @step
    def join_outer(self, inputs):
        self.wheres = [i.wheres for i in inputs]
        self.heres = [i.here for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachNestedFlow()
