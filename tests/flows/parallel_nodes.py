"""@parallel runs one task a node, the first as the control task; the join gets the nodes in order."""

import sys

from metaflow import FlowSpec, current, parallel, step


class ParallelNodesFlow(FlowSpec):
    @step
    def start(self):
        self.given = "given"
        self.next(self.train, num_parallel=3)

    @parallel
    @step
    def train(self):
        self.node = current.parallel.node_index
        self.size = current.parallel.num_nodes
        self.flag = (current.is_parallel, self.given, current.parallel.main_ip)
        # In one write: the nodes share the control task's output, and print() writes the newline apart.
        sys.stdout.write(f"node {self.node} of {self.size}\n")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.nodes = [i.node for i in inputs]
        self.sizes = {i.size for i in inputs}
        self.flags = inputs[0].flag
        self.next(self.end)

    @step
    def end(self):
        self.flag_outside = getattr(current, "is_parallel", None)


if __name__ == "__main__":
    ParallelNodesFlow()
