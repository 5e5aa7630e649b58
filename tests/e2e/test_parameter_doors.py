"""Parameters with click's options through every door: the values are those of `python flow.py run`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

FLOW = """
from metaflow import FlowSpec, JSONType, Parameter, schedule, step, trigger
from metaflow._vendor import click

@schedule(cron="0 0 1 1 *")
@trigger(event={"name": "forms", "parameters": [
    "codes", "level", "verbose", "pair", "size", "loud", "structure", "none"]})
class FormsFlow(FlowSpec):
    codes = Parameter("codes", type=str, multiple=True, default=())
    level = Parameter("level", type=click.Choice(["low", "high"], case_sensitive=False), default="low")
    verbose = Parameter("verbose", is_flag=True, default=False)
    pair = Parameter("pair", type=int, nargs=2, default=(3, 4))
    size = Parameter("size", type=click.IntRange(1, 5), default=2)
    loud = Parameter("loud", count=True, default=0)
    when = Parameter("my-when", type=click.DateTime(formats=["%d.%m.%Y"]), default="01.02.2020")
    structure = Parameter("structure", type=JSONType, default="{}")
    none = Parameter("none", type=str)
    stamp = Parameter("stamp", default=lambda context: "deployed")

    @step
    def start(self):
        self.seen = repr([getattr(self, name) for name in (
            "codes", "level", "verbose", "pair", "size", "loud", "when", "structure", "none", "stamp")])
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    FormsFlow()
"""
OPTIONS = [
    "--codes",
    "a",
    "--codes",
    "b",
    "--level",
    "HIGH",
    "--verbose",
    "--pair",
    "1",
    "2",
    "--size",
    "5",
    "--loud",
    "--loud",
    "--my-when",
    "03.04.2021",
]
WORDS = [
    "codes=a",
    "codes=b",
    "level=HIGH",
    "verbose=true",
    "pair=1",
    "pair=2",
    "size=5",
    "loud=2",
    "my-when=03.04.2021",
    "structure=[1,null]",
]
DEPLOYER = """
import json
from metaflow import Deployer
from mftctl.events import publish

keywords = dict(
    codes=["a", "b"], level="HIGH", verbose=True, pair=[1, 2], size=5, loud=2, structure=[1, None], none=None)
deployer = Deployer("forms.py", show_output=False).temporal()
found = deployer.from_deployment("FormsFlow")
made = deployer.create()
refused = []
for flow in (made, found):
    try:
        flow.trigger(pair=[1])
    except Exception as error:
        refused.append(type(error).__name__)
publish("forms", keywords)
runs = [flow.trigger(**keywords, run_params=["my-when=03.04.2021"]).run_id for flow in (made, found)]
print(json.dumps([runs, refused]))
"""
SEEN = """
import json, metaflow
metaflow.namespace(None)
found = {}
for run in metaflow.Flow("FormsFlow"):
    if run.successful:
        found[run.id] = run["start"].task.data.seen
print(json.dumps(found))
"""


def test_every_door_gives_the_values_of_run(served: Any, wait_until: Callable[..., None]) -> None:
    """`trigger`, the flow's own command line, a worker file, the Deployer, an event, a schedule; given and left out."""
    file = served.flow("forms.py", FLOW)

    def command(*words: str, **env: str) -> str:
        done = served.python(*words, **env)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def seen() -> dict[str, str]:
        found: dict[str, str] = json.loads(command("-c", SEEN))
        return found

    command(str(file), "run", *OPTIONS, "--structure", "[1, null]")
    (given,) = seen().values()
    command(str(file), "run")
    (bare,) = set(seen().values()) - {given}
    local = set(seen())

    command(str(file), "temporal", "create", "--output", "w.py")
    served.worker(str(Path(served.folder) / "w.py"))
    expected = {
        served.run("trigger", "FormsFlow", *WORDS, "-o", "name").stdout.strip(): given,
        served.run("trigger", "FormsFlow", "-o", "name").stdout.strip(): bare,
        command(str(file), "temporal", "trigger", *OPTIONS, "--structure", "[1, null]").strip(): given,
        command(str(file), "temporal", "trigger").strip(): bare,
        command(
            str(file), "temporal", "trigger", *OPTIONS[4:], "--structure=[1, null]", METAFLOW_RUN_CODES="a b"
        ).strip(): given,
        json.loads(command("w.py", "trigger", *WORDS, "--no-wait", "-o", "json"))["run_id"]: given,
    }
    runs, refused = json.loads(command("-c", DEPLOYER).splitlines()[-1])
    assert refused == ["TemporalDeployerError"] * 2
    expected |= dict.fromkeys(runs, given)
    assert served.run("schedule", "trigger", "FormsFlow").returncode == 0

    def ended() -> bool:
        listed = served.run(
            "runs", "list", "--deployment", "FormsFlow", "--limit", "100", "-o", "json"
        ).stdout
        return [one["status"] for one in json.loads(listed)] == ["completed"] * (len(expected) + 2)

    wait_until(ended, "all runs have ended, and no other has begun")
    found = seen()
    assert len(found) == len(local) + len(expected) + 2
    assert {run: found[run] for run in expected} == expected
    told, timed = sorted(set(found) - local - set(expected), key=lambda run: found[run] == bare)
    assert [found[told], found[timed]] == [given.replace("2021, 4, 3", "2020, 2, 1"), bare]

    for wrong in (
        ["level=nope"],
        ["size=0"],
        ["pair=1"],
        ["verbose=maybe"],
        ["loud=x"],
        ["none=a", "none=b"],
    ):
        done = served.run("trigger", "FormsFlow", *wrong)
        assert (done.returncode, done.stderr.count("mftctl: parameter")) == (2, 1), done.stderr
    done = served.python(str(file), "temporal", "trigger", "--my-when", "x")
    assert (done.returncode, "--my-when" in done.stderr) == (2, True), done.stderr
    assert ended()
