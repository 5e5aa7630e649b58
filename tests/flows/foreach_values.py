"""A foreach runs over any iterable: falsy items, None, a dictionary's keys, a string, a range, a single item."""

from metaflow import FlowSpec, step


class ForeachValuesFlow(FlowSpec):
    @step
    def start(self):
        self.mixed = [0, None, "", "ünïcode ☃", {"k": [1]}, ("t",), 2.5]
        self.next(self.each, foreach="mixed")

    @step
    def each(self):
        self.got = (type(self.input).__name__, self.input)
        self.next(self.join_each)

    @step
    def join_each(self, inputs):
        self.got = [i.got for i in inputs]
        self.mapping = {"one": 1}
        self.next(self.again)

    @step
    def again(self):
        self.next(self.key, foreach="mapping")

    @step
    def key(self):
        # self.input of a dictionary is not defined by its keys: it is looked up by the index.
        self.number = self.index
        self.span = range(2)
        self.next(self.in_range, foreach="span")

    @step
    def in_range(self):
        self.number = self.input * 7
        self.next(self.join_range)

    @step
    def join_range(self, inputs):
        self.numbers = [i.number for i in inputs]
        self.next(self.join_key)

    @step
    def join_key(self, inputs):
        self.numbers = [i.numbers for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachValuesFlow()
