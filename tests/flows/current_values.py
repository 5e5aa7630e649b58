"""`current` says the same of a run wherever it runs, in every kind of step."""

from metaflow import FlowSpec, Parameter, current, step


class CurrentValuesFlow(FlowSpec):
    p = Parameter("p", default=1)

    @step
    def start(self):
        self.record()
        self.items = [1, 2]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.record()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.record()
        self.same_run = {current.run_id} == {i.run_id_of for i in inputs}
        self.next(self.end)

    @step
    def end(self):
        self.record()

    def record(self):
        self.run_id_of = current.run_id
        self.facts = {
            "flow_name": current.flow_name,
            "step_name": current.step_name,
            "retry_count": current.retry_count,
            "origin_run_id": current.origin_run_id,
            "namespace": current.namespace,
            "username": current.username,
            "is_running": current.is_running_flow,
            "parameters": sorted(current.parameter_names),
            "tags": sorted(current.tags),
            "trigger": getattr(current, "trigger", None),
            "project": getattr(current, "project_name", None),
            "parallel": getattr(current, "is_parallel", None),
            "graph": sorted(current.graph),
            "start_end": (current.graph.get("start_step"), current.graph.get("end_step")),
        }
        self.pathspec_is = current.pathspec == "/".join(
            (current.flow_name, current.run_id, current.step_name, current.task_id)
        )
        self.task_is = current.task.pathspec == current.pathspec
        self.run_is = current.run.pathspec == f"{current.flow_name}/{current.run_id}"
        self.tempdir_is = current.tempdir is None or isinstance(current.tempdir, str)


if __name__ == "__main__":
    CurrentValuesFlow()
