"""Step decorators of the user's own wrap a step, replace it, skip it or swallow its error."""

from metaflow import FlowSpec, USER_SKIP_STEP, UserStepDecorator, step, user_step_decorator


@user_step_decorator
def traced(step_name, flow, inputs, attributes):
    flow.before = f"before {step_name} {attributes.get('label')}"
    yield
    flow.after = f"after {step_name}"


@user_step_decorator
def swallow(step_name, flow, inputs):
    try:
        yield
    except ValueError as error:
        flow.swallowed = str(error)


@user_step_decorator
def skipped(step_name, flow, inputs):
    flow.skipped_step = step_name
    yield USER_SKIP_STEP


@user_step_decorator
def replaced(step_name, flow, inputs):
    def instead(self):
        self.replaced_by = "instead"
        return True

    yield instead


class Stamp(UserStepDecorator):
    def init(self, *args, **kwargs):
        self.mark = kwargs.get("mark", "none")

    def pre_step(self, step_name, flow, inputs=None):
        flow.stamp = f"{self.mark}:{step_name}"

    def post_step(self, step_name, flow, exception=None):
        flow.stamps_inputs = exception is None
        return super().post_step(step_name, flow, exception)


class UserDecoratorsFlow(FlowSpec):
    @traced(label="L")
    @step
    def start(self):
        self.in_between = self.before
        self.items = [1, 2]
        self.next(self.failing)

    @swallow
    @step
    def failing(self):
        raise ValueError("swallow me")
        self.next(self.not_run)

    @skipped
    @step
    def not_run(self):
        self.never = True
        self.next(self.other)

    @replaced
    @step
    def other(self):
        self.never = True
        self.next(self.fan)

    @step
    def fan(self):
        self.next(self.body, foreach="items")

    @Stamp(mark="body")
    @step
    def body(self):
        self.mine = (self.input, self.stamp)
        self.next(self.join)

    @Stamp
    @traced(label="join")
    @step
    def join(self, inputs):
        self.all = [i.mine for i in inputs]
        self.merge_artifacts(inputs, include=["swallowed", "skipped_step", "replaced_by"])
        self.next(self.end)

    @step
    def end(self):
        self.never_set = not hasattr(self, "never")


if __name__ == "__main__":
    UserDecoratorsFlow()
