"""@resources changes nothing on one machine, and stays visible to the step's code."""

from metaflow import FlowSpec, resources, step


class ResourcesAskedFlow(FlowSpec):
    @resources(cpu=2, memory=128)
    @step
    def start(self):
        self.asked = [d.attributes["memory"] for d in self.start.decorators if d.name == "resources"]
        self.next(self.end)

    @resources(gpu=0)
    @step
    def end(self):
        pass


if __name__ == "__main__":
    ResourcesAskedFlow()
