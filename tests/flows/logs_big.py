"""A log past the limit of 1 MiB is cut there with a mark, and the step is none the worse."""

from metaflow import FlowSpec, step


class LogsBigFlow(FlowSpec):
    @step
    def start(self):
        for n in range(1500):
            print(f"{n:05d} " + "y" * 994)
        self.printed = n
        self.next(self.end)

    @step
    def end(self):
        print("small again")


if __name__ == "__main__":
    LogsBigFlow()
