"""Parameters of every type reach all steps with their type, by default or as given."""

from metaflow import FlowSpec, JSONType, Parameter, current, step


def computed(context):
    return f"computed for {context.flow_name}/{context.parameter_name}"


class ParametersAllFlow(FlowSpec):
    whole = Parameter("whole", type=int, default=3)
    inferred = Parameter("inferred", default=4, help="an int by its default")
    ratio = Parameter("ratio", type=float, default=0.5)
    flag = Parameter("flag", type=bool, default=False)
    text = Parameter("text", default="some text")
    nothing = Parameter("nothing", default=None)
    no_number = Parameter("no_number", type=int)
    structure = Parameter("structure", type=JSONType, default={"a": [1, None, {"b": 2.5}]})
    structure_text = Parameter("structure_text", type=JSONType, default='[1, "two"]')
    by_function = Parameter("by_function", default=computed)
    number_by_function = Parameter("number_by_function", type=int, default=lambda context: 42)
    dashed = Parameter("learning-rate", type=float, default=1e-3)
    many = Parameter("many", default="x,y,,z", separator=",")

    @step
    def start(self):
        self.values = self.everything()
        self.names = sorted(current.parameter_names)
        self.items = [1, 2]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.values_in_body = self.everything()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values_in_join = self.everything()
        try:
            self.whole = 7
        except AttributeError as error:
            self.refused = str(error)
        self.next(self.end)

    @step
    def end(self):
        self.values_in_end = self.everything()

    def everything(self):
        names = "whole inferred ratio flag text nothing no_number structure structure_text by_function"
        names += " number_by_function dashed many"
        return {n: (type(getattr(self, n)).__name__, getattr(self, n)) for n in names.split()}


if __name__ == "__main__":
    ParametersAllFlow()
