"""@exit_hook calls its functions with the run after the last step, once the run is known to have succeeded."""

from metaflow import FlowSpec, exit_hook, step


def tell(run):
    run.add_tag(f"hook:success:{run.data.value}")


def complain(run):
    run.add_tag("hook:error")


@exit_hook(on_success=[tell], on_error=[complain])
class ExitHooksFlow(FlowSpec):
    @step
    def start(self):
        self.value = 5
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ExitHooksFlow()
