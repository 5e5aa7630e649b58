"""@project names project and branch in `current` and in the run's tags."""

from metaflow import FlowSpec, current, project, step


@project(name="fidelity")
class ProjectBranchFlow(FlowSpec):
    @step
    def start(self):
        self.names = (current.project_name, current.branch_name, current.project_flow_name)
        self.flags = (current.is_production, current.is_user_branch)
        self.next(self.end)

    @step
    def end(self):
        self.again = (current.project_name, current.branch_name, current.project_flow_name)


if __name__ == "__main__":
    ProjectBranchFlow()
