"""Parameters with options of click."""

from metaflow import FlowSpec, Parameter, step
from metaflow._vendor import click


class ParametersClickFlow(FlowSpec):
    codes = Parameter("codes", type=str, multiple=True, default=())
    numbers = Parameter("numbers", type=float, multiple=True)
    level = Parameter("level", type=click.Choice(["low", "high"]), default="low")
    shade = Parameter("shade", type=click.Choice(["Red", "Blue"], case_sensitive=False), default="Red")
    verbose = Parameter("verbose", is_flag=True, default=False)
    quiet = Parameter("quiet", is_flag=True)
    calm = Parameter("calm", is_flag=True, default=True)
    up = Parameter("up", is_flag=True, flag_value="UP", default="down")
    pair = Parameter("pair", type=int, nargs=2, default=(3, 4))
    free = Parameter("free", type=int, nargs=2)
    pairs = Parameter("pairs", type=int, nargs=2, multiple=True, default=())
    both = Parameter("my-both", type=(str, int), default=("x", 1))
    size = Parameter("size", type=click.IntRange(1, 5), default=2)
    clamped = Parameter("clamped", type=click.IntRange(1, 5, clamp=True), default=2)
    share = Parameter("share", type=click.FloatRange(0, 1), default=0.5)
    loud = Parameter("loud", count=True, default=0)
    when = Parameter("when", type=click.DateTime(formats=["%d.%m.%Y"]), default="01.02.2020")
    place = Parameter("place", type=click.Path(exists=True), default=".")
    back = Parameter("back", default="a", callback=lambda ctx, param, value: value + "!")
    separated = Parameter("separated", separator=",", default="a,b")
    none = Parameter("none", type=str)

    @step
    def start(self):
        print(self.codes, self.pair, self.pairs, self.verbose, self.loud)
        self.next(self.end)

    @step
    def end(self):
        print(self.when, self.back)


if __name__ == "__main__":
    ParametersClickFlow()
