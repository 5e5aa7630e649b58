"""Config values come from a file, a default or the command line, and configure decorators and parameters."""

import os

from metaflow import Config, FlowSpec, Parameter, config_expr, environment, retry, step


def parse_pairs(text):
    return dict(pair.split("=") for pair in text.split())


class ConfigValuesFlow(FlowSpec):
    settings = Config("settings", default="data/settings.json")
    inline = Config("inline", default_value={"times": 2, "name": "by default"})
    parsed = Config("parsed", default_value="a=1 b=2", parser=parse_pairs)
    plain = Config("plain", default_value='[1, 2]', parser="json.loads", plain=True)
    absent = Config("absent")
    named = Parameter("named", default=config_expr("inline.name"))
    deep = Parameter("deep", default=settings.level.deep)

    @retry(times=config_expr("inline.times"), minutes_between_retries=0)
    @environment(vars={"FID_DEEP": settings.level.deep, "FID_EXPR": config_expr("str(inline.times + 1)")})
    @step
    def start(self):
        self.env = (os.environ["FID_DEEP"], os.environ["FID_EXPR"])
        self.from_config = (self.settings.level.deep, list(self.settings.numbers), self.inline["name"])
        self.others = (dict(self.parsed), self.plain, self.absent, self.named, self.deep)
        self.items = list(self.settings.numbers)
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.product = self.input * self.inline.times
        self.next(self.join)

    @step
    def join(self, inputs):
        self.products = [i.product for i in inputs]
        self.again = self.settings.level.deep
        self.next(self.end)

    @step
    def end(self):
        self.last = (self.inline.name, self.named)


if __name__ == "__main__":
    ConfigValuesFlow()
