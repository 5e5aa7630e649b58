"""Flows whose tasks fail, are held, or kill their worker when a file says so; what each task did is in a file."""

#: Before each of the flows; PLACE is a folder of the runs' files.
EFFECT = """
import atexit, os, signal, time
from metaflow import FlowSpec, Parameter, catch, current, environment, parallel, retry, step

def file(name):
    for folder in (f"PLACE/{current.run_id}", "PLACE"):
        if os.path.exists(f"{folder}/{name}"):
            return f"{folder}/{name}"

def kill(worker):
    os.kill(worker, signal.SIGKILL)
    time.sleep(600)

def effect(*where):
    label = "-".join(map(str, (current.step_name, *where)))
    os.makedirs(f"PLACE/{current.run_id}", exist_ok=True)
    if file(f"fail-{label}"):
        raise RuntimeError(f"{label} fails")
    while file(f"hold-{label}") or file(f"hold-{current.task_id}"):
        open(f"PLACE/{current.run_id}/held-{current.task_id}", "w").close()
        time.sleep(0.01)
    killing = file(f"kill-{label}")
    if killing:
        worker = int(open(killing).read())
        os.remove(killing)
        # After the result of the task is stored, before its worker has told it.
        atexit.register(kill, worker)
    with open(f"PLACE/{current.run_id}/effects", "a") as effects:
        effects.write(f"{current.step_name}/{current.task_id}\\n")
"""

FLOW = """
class Resumed(FlowSpec):
    @step
    def start(self):
        self.count = 0
        effect()
        self.next(self.loop)

    @step
    def loop(self):
        self.count += 1
        self.more = "yes" if self.count < 3 else "no"
        effect(self.count)
        self.next({"yes": self.loop, "no": self.fork}, condition="more")

    @step
    def fork(self):
        effect()
        self.next(self.many, self.outer, self.side)

    @step
    def side(self):
        self.got = "side"
        effect()
        self.next(self.join)

    @step
    def many(self):
        self.items = list(range(6))
        effect()
        self.next(self.piece, foreach="items")

    @step
    def piece(self):
        self.got = self.input * 2
        effect(self.index)
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.got = [one.got for one in inputs]
        effect()
        self.next(self.join)

    @step
    def outer(self):
        self.items = [1, 2]
        effect()
        self.next(self.inner, foreach="items")

    @step
    def inner(self):
        self.outer_item = self.input
        self.items = [10, 20]
        effect(self.index)
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.got = self.outer_item + self.input
        effect(self.outer_item, self.index)
        self.next(self.join_inner)

    @step
    def join_inner(self, inputs):
        self.got = [one.got for one in inputs]
        effect(inputs[0].outer_item)
        self.next(self.join_outer)

    @step
    def join_outer(self, inputs):
        self.got = [one.got for one in inputs]
        effect()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.got = [one.got for one in inputs]
        effect()
        self.next(self.end)

    @step
    def end(self):
        effect()

if __name__ == "__main__":
    Resumed()
"""


CLONED = """
class Cloned(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.items = ["a", "b", "c"]
        self.next(self.body, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def body(self):
        if current.retry_count == 0:
            raise RuntimeError("the first attempt")
        self.got = self.input
        effect(self.index)
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.got = [one.got for one in inputs]
        effect()
        self.next(self.nodes)

    @step
    def nodes(self):
        effect()
        self.next(self.work, num_parallel=2)

    @parallel
    @step
    def work(self):
        self.node = current.parallel.node_index
        effect(self.node)
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.nodes = [one.node for one in inputs]
        effect()
        self.next(self.caught)

    @catch(var="error", print_exception=False)
    @step
    def caught(self):
        effect()
        if self.nodes:
            raise ValueError("caught")
        self.next(self.last)

    @environment(vars={"COLOUR": "green"})
    @step
    def last(self):
        effect()
        self.colour = os.environ["COLOUR"]
        self.origin = current.origin_run_id
        self.next(self.end)

    @step
    def end(self):
        effect()

if __name__ == "__main__":
    Cloned()
"""

WIDE = """
class Wide(FlowSpec):
    @step
    def start(self):
        self.items = list(range(110))
        self.next(self.piece, foreach="items")

    @step
    def piece(self):
        self.got = self.input * 2
        effect(self.index)
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.got = [one.got for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Wide()
"""

CODED = """
class Coded(FlowSpec):
    PARAMETER

    @step
    def start(self):
        self.codes = ["CODE"]
        self.next(self.AFTER)
    WORK
    @step
    def last(self):
        effect()
        self.codes = [*self.codes, "CODE"]
        self.due = os.environ.get("MFTCTL_SCHEDULED_TIME")
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Coded()
"""

WORK = """
    @step
    def work(self):
        self.codes = [*self.codes, "CODE"]
        self.next(self.last)
"""
