"""@exit_hook calls the functions for errors when a step has failed for good."""

from metaflow import FlowSpec, exit_hook, step


def tell(run):
    run.add_tag("hook:success")


def complain(run):
    run.add_tag("hook:error")


@exit_hook(on_success=[tell], on_error=[complain])
class ExitHooksErrorFlow(FlowSpec):
    @step
    def start(self):
        raise RuntimeError("for the hook")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ExitHooksErrorFlow()
