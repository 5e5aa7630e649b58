"""@catch turns a step's error into an artifact and the run goes on; without an error the artifact is None."""

from metaflow import FlowSpec, catch, step


class CatchErrorFlow(FlowSpec):
    @catch(var="problem")
    @step
    def start(self):
        self.before = "kept"
        raise ZeroDivisionError("caught at start")
        self.next(self.fine)

    @catch(var="no_problem", print_exception=False)
    @step
    def fine(self):
        self.kept = (self.before, self.problem.exception, self.problem.type)
        self.items = [1, 0, 2]
        self.next(self.fan)

    @step
    def fan(self):
        self.next(self.body, foreach="items")

    @catch(var="bad", print_exception=False)
    @step
    def body(self):
        self.result = 10 / self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.results = [getattr(i, "result", None) for i in inputs]
        self.bad = [bool(i.bad) for i in inputs]
        self.merge_artifacts(inputs, include=["no_problem"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CatchErrorFlow()
