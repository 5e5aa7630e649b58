"""Metaflow's doors: the flow's own command line, and the Deployer."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

import pytest
from doorflows import DEPLOYER, FLOW, HELPS, PROJECT, TYPED

pytestmark = pytest.mark.xdist_group("extension")
#: Options of `create` that metaflow-temporal has as well.
PEERS = ("--task-queue", "peers-queue", "--max-workers", "3", "--tag", "team:ml", "--workflow-timeout", "600")
#: Words of a refused command, its exit code, and what it says.
REFUSED = (
    (["trigger", "--alpha-x", "abc"], 2, "alpha-x"),
    (["trigger", "--run-param", "absent=1"], 2, "absent"),
    (["status", "temporal-absent"], 4, "temporal-absent"),
    (["resume", "temporal-absent"], 4, "temporal-absent"),
    (["--name", "absent", "trigger"], 4, "absent"),
    (["trigger", "--name", "absent"], 4, "absent"),
    (["trigger", "--run-id-file", "absent/file"], 2, "absent/file"),
    (["trigger", "--workflow-timeout", "0"], 2, "--workflow-timeout"),
    (["trigger", "--task-queue", "gpu "], 2, "--task-queue: 'gpu '"),
    (["create", "--branch", "x"], 2, "@project"),
    (["create", "one.py", "--output", "other.py"], 2, "two worker files"),
    (["create", "--temporal-host", "127.0.0.1:9"], 5, "127.0.0.1:9"),
)


def flow_file(home, name: str = "DoorFlow") -> str:
    return str(home.flow(f"{name.lower()}.py", FLOW.format(name=name)))


def temporal(home, file: str, *words: str, top: tuple[str, ...] = (), **more):
    return home.python(file, "--quiet", "--no-pylint", *top, "temporal", *words, **more)


@pytest.fixture(scope="module")
def door(lodging):
    """A home with the flow deployed three times, with a worker that serves all three."""
    file = flow_file(lodging)
    host = ["--temporal-host", lodging.env["TEMPORAL_ADDRESS"], "--temporal-namespace", "default"]
    for top, options in (
        ((), ()),
        (("--name", "api"), ()),
        (("--name", "peers"), ("--output", "door_worker.py", "--new-token", "door-token", *PEERS, *host)),
    ):
        done = temporal(lodging, file, *top, "create", *options)
        assert done.returncode == 0, done.stderr
    lodging.worker("DoorFlow", "api", "peers")
    return lodging


@pytest.fixture(scope="module")
def said(door) -> dict:
    """What a script said that uses the Deployer, inside a running event loop, in a folder of its own."""
    away = door.folder / "away"
    away.mkdir()
    answers, script = away / "answers.json", away / "deploy.py"
    script.write_text(DEPLOYER.format(file=flow_file(door), answers=str(answers), name="api"))
    done = door.python(str(script), timeout=360)
    assert done.returncode == 0, done.stderr
    return json.loads(answers.read_text())


def data_of(home, run_id: str, step: str = "start", flow: str = "DoorFlow") -> dict:
    """Artifacts of a task, and the tags of its run."""
    script = (
        "import json; from metaflow import Run, namespace; namespace(None);"
        f"run = Run('{flow}/{run_id}'); data = run['{step}'].task.data;"
        "note = getattr(data, 'note', None);"
        "print(json.dumps(dict(greeting=data.greeting, alpha=data.alpha, flag=data.flag, spec=data.spec, "
        "note=note, namespace=getattr(data, 'namespace', None), tags=sorted(run.user_tags), "
        "system=sorted(run.system_tags), ok=run.successful)))"
    )
    done = home.python("-c", script)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_peers_commands_work(door) -> None:
    """`create --output`, `create FILE`, the worker file's `trigger name=value`; runs are in a new token's namespace."""
    file = str(door.folder / "doorflow.py")
    triggered = door.python("door_worker.py", "trigger", "greeting=world")
    assert triggered.returncode == 0, triggered.stderr
    (run_id,) = re.findall(r"^Workflow completed. Run ID: (temporal-doorflow-\w+)\n$", triggered.stdout)
    data = data_of(door, run_id)
    assert data["greeting"] == "world"
    # As on Metaflow's orchestrators.
    assert "production:door-token" in data["system"]
    assert data["namespace"] == "production:door-token"
    by_option = temporal(door, file, "trigger", "--run-param", "greeting=moon")
    assert re.fullmatch(r"temporal-doorflow-\w+\n", by_option.stdout), by_option.stderr
    top = ("--metadata=local", "--datastore=local")
    again = temporal(door, file, "--name", "peers", "create", "door_worker.py", *PEERS, top=top)
    assert again.returncode == 0, again.stderr


def test_decorators_given_with_with_are_in_the_deployment(door) -> None:
    """`python f.py --with=retry temporal create` decorates every step."""
    file = str(door.folder / "doorflow.py")
    done = temporal(door, file, "create", "--only-json", top=("--with=retry:times=2",))
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    assert manifest["launch"]["decorators"] == ["retry:times=2"]
    assert [step["user_retries"] for step in manifest["steps"]] == [2, 2, 2]


def test_both_doors_make_the_same_deployment(door) -> None:
    """`temporal create` and `mftctl deploy` compile to the same version."""
    file = str(door.folder / "doorflow.py")
    created = temporal(door, file, "--name", "doors", "create")
    deployed = json.loads(door.run("deploy", file, "--name", "doors", "-o", "json").stdout)
    assert f"version\t{deployed['version']}" in created.stdout
    assert (deployed["previous_version"], deployed["changes"]) == (deployed["version"], [])


def test_trigger_takes_each_parameter_as_an_option(door) -> None:
    """Values of every type arrive; what is not given stays as the code has it."""
    file = str(door.folder / "doorflow.py")
    (door.folder / "note.txt").write_text("a note")
    words = [
        "--greeting",
        "hi",
        "--alpha-x",
        "2.5",
        "--flag",
        "yes",
        "--spec",
        '{"k": [1]}',
        "--note",
        "note.txt",
    ]
    done = temporal(door, file, "trigger", *words, "--tag", "x:y", "--run-id-file", "run-id")
    assert done.returncode == 0, done.stderr
    run_id = done.stdout.strip()
    assert (door.folder / "run-id").read_text() == run_id
    door.run("runs", "watch", run_id)
    assert temporal(door, file, "status", run_id).stdout == "SUCCEEDED\n"
    data = data_of(door, run_id)
    assert (data["greeting"], data["alpha"], data["flag"], data["spec"]) == ("hi", 2.5, True, {"k": [1]})
    assert (data["note"], data["tags"], data["ok"]) == ("a note", ["x:y"], True)
    assert run_id in temporal(door, file, "list-runs", "--succeeded").stdout
    assert run_id not in temporal(door, file, "list-runs", "--failed", "--running").stdout
    assert "DoorFlow\t" in temporal(door, file, "list-deployments").stdout


def test_a_run_that_no_worker_serves_is_told_of_at_once(door) -> None:
    """Nobody is there to be asked whether it is suspended."""
    file = str(door.folder / "doorflow.py")
    assert temporal(door, file, "--name", "unserved", "create").returncode == 0
    run_id = temporal(door, file, "--name", "unserved", "trigger").stdout.strip()
    began = time.monotonic()
    temporal(door, file, "status", "temporal-absent")
    at_once = 8 + 3 * (time.monotonic() - began)  # seconds; on a busy machine every command takes its time
    assert temporal(door, file, "status", run_id, timeout=at_once).stdout == "RUNNING\n"
    assert temporal(door, file, "terminate", run_id, timeout=at_once).returncode == 0


def test_refusals_are_one_line_and_an_exit_code(door) -> None:
    """As those of `mftctl`; never a traceback."""
    file = str(door.folder / "doorflow.py")
    for words, code, said in REFUSED:
        done = temporal(door, file, *words)
        assert (done.returncode, done.stdout) == (code, ""), f"{words}: {done.stderr}"
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_run_that_passes_its_timeout_is_told_from_one_that_failed(door) -> None:
    """By its state, and in lists."""
    file = str(door.folder / "doorflow.py")
    words = ["--wait_for", str(door.folder / "never"), "--workflow-timeout", "1"]
    run_id = temporal(door, file, "trigger", *words).stdout.strip()
    door.run("runs", "watch", run_id)
    assert temporal(door, file, "status", run_id).stdout == "TIMED_OUT\n"
    assert f"{run_id}\tTIMED_OUT" in temporal(door, file, "list-runs", "--timed-out").stdout
    assert run_id not in temporal(door, file, "list-runs", "--failed").stdout


def test_a_run_is_controlled_by_its_owner_and_with_the_token(door, wait_until) -> None:
    """suspend, unsuspend, terminate, resume; not by somebody else, nor from another flow's file. The token is kept."""
    file, other = str(door.folder / "doorflow.py"), flow_file(door, "OtherFlow")
    gate = door.folder / "gate"
    run_id = temporal(door, file, "trigger", "--wait_for", str(gate)).stdout.strip()
    stranger = {"METAFLOW_USER": "stranger", "METAFLOW_HOME": str(door.folder / "controlled")}
    for command in ("suspend", "unsuspend", "terminate"):
        assert temporal(door, other, command, run_id).returncode == 6
        assert temporal(door, file, command, run_id, **stranger).returncode == 6
    wait_until(lambda: temporal(door, file, "suspend", run_id).returncode == 0, "the run is suspended")
    wait_until(lambda: "SUSPENDED" in temporal(door, file, "status", run_id).stdout, "it says so")
    assert temporal(door, file, "unsuspend", run_id).returncode == 0
    wait_until(lambda: "RUNNING" in temporal(door, file, "status", run_id).stdout, "it goes on")
    token = json.loads(door.run("deploy", file, "-o", "json").stdout)["production_token"]
    done = temporal(door, file, "terminate", run_id, "--authorize", token, **stranger)
    assert done.returncode == 0, done.stderr
    assert temporal(door, file, "status", run_id).stdout == "ABORTED\n"
    another = {**stranger, "METAFLOW_HOME": str(door.folder / "another")}
    assert temporal(door, file, "resume", run_id, **another).returncode == 6
    resumed = temporal(door, file, "resume", run_id, **stranger)
    assert resumed.stdout.strip() == run_id, resumed.stderr
    gate.touch()
    door.run("runs", "watch", run_id)
    assert temporal(door, file, "status", run_id).stdout == "SUCCEEDED\n"


def test_a_deployment_belongs_to_whoever_made_it(door) -> None:
    """Another user needs the token, which Metaflow's file then keeps; from then on it is theirs."""
    file = str(door.folder / "doorflow.py")
    token = json.loads(door.run("deploy", file, "--name", "owned", "-o", "json").stdout)["production_token"]
    stranger = {"METAFLOW_USER": "stranger", "METAFLOW_HOME": str(door.folder / "stranger")}
    for refused in (
        door.run("deploy", file, "--name", "owned", **stranger),
        temporal(door, file, "--name", "owned", "create", **stranger),
        temporal(door, file, "--name", "owned", "delete", **stranger),
    ):
        assert refused.returncode == 6
        assert "tester" in refused.stderr
    words = ["create", "--authorize", f"production:{token}"]
    done = temporal(door, file, "--name", "owned", *words, **stranger)
    assert done.returncode == 0, done.stderr
    assert json.loads((door.folder / "stranger" / "owned").read_text()) == {"production_token": token}
    assert temporal(door, file, "--name", "owned", "delete", **stranger).returncode == 0
    assert temporal(door, file, "--name", "owned", "delete").returncode == 4


def test_a_branch_may_stand_on_either_side(door) -> None:
    """`--branch x temporal create` and `temporal create --branch x` are one deployment; a profile may name it, too."""
    file = str(door.flow("branchflow.py", PROJECT))
    before = temporal(door, file, "create", top=("--branch", "x"))
    behind = temporal(door, file, "create", "--branch", "x")
    assert "doors.test.x.BranchFlow" in before.stdout, before.stderr
    assert behind.stdout == before.stdout.replace("\ntask", " (unchanged)\ntask"), behind.stderr
    settings = door.flow("config.toml", "[profiles.prod]\nproduction = true\ntags = ['p:q']\n")
    profile = {"MFTCTL_CONFIG": str(settings)}
    production = temporal(door, file, "create", "--profile", "prod", **profile)
    assert "doors.prod.BranchFlow" in production.stdout, production.stderr
    assert "python branchflow.py --production temporal --profile prod trigger\n" in production.stderr
    triggered = temporal(door, file, "--profile", "prod", "trigger", **profile)
    assert triggered.returncode == 0, triggered.stderr
    script = (
        "from metaflow import DeployedFlow\n"
        "for name in ('doors.prod.BranchFlow', 'BranchFlow'):\n"
        "    try:\n"
        "        print(DeployedFlow.from_deployment(name, impl='temporal').flow_name)\n"
        "    except RuntimeError as error:\n"
        "        print(error.code)\n"
    )
    said = door.python("-c", script)
    assert said.stdout.split() == ["BranchFlow", "deployment.ambiguous"], said.stderr


@pytest.mark.timeout(500)
def test_the_deployer_does_all_that_the_command_line_does(said) -> None:
    """Inside a running event loop, as in a notebook, and in a folder without the flow's file."""
    name = "api"
    assert said["deployed"][:3] == [name, "DoorFlow", f"mftctl.{name}"]
    assert said["deployed"][3].startswith(f"{name}-0-")
    assert said["first"] == ["SUCCEEDED", "one", 2.5, True, {"k": [1]}]
    assert said["tags"] == ["a:b"]
    assert said["second"] == ["two", True, 0.5]
    assert said["resumed"] == ["SUCCEEDED", True, True]
    assert said["renewed"] == ["three", "three", 2.5]
    assert (said["by id"], said["by deployer"], said["again"]) == (name, name, "SUCCEEDED")
    assert (said["succeeded"], said["failed"]) == (3, 0)
    assert name in said["listed"]
    assert (said["over"], said["absent"]) == (False, ["deployment.unknown", 4])
    assert said["deleted"] == [True, False, None]


@pytest.mark.timeout(500)
def test_the_deployer_controls_runs(said) -> None:
    """From a script: suspend, unsuspend, terminate, waiting for a time, and errors of one type that say what it was."""
    assert said["new"] == [True, "SUSPENDED", True]
    assert said["waited"] >= 1
    assert said["ended"] == [True, "ABORTED", False, False, 1]
    assert said["errors"] == ["usage", "usage", "run.unknown", "run.mismatch"]


def test_type_checkers_know_the_deployer(home) -> None:
    """The stubs that Metaflow makes of an installation hold the types of the extension."""
    make = "from metaflow.cmd.develop.stub_generator import StubGenerator; StubGenerator('stubs/metaflow').write_out()"
    made = home.command(sys.executable, "-c", make, "develop", "stubs", "install")
    assert made.returncode == 0, made.stderr
    home.flow("typed.py", TYPED)
    options = ["--config-file", os.devnull, "--cache-dir", os.devnull, "--python-executable", sys.executable]
    said = home.command(sys.executable, "-m", "mypy", *options, "typed.py", MYPYPATH="stubs").stdout
    # What mypy thinks of Metaflow's own stubs is left aside.
    found = re.findall(r"^typed\.py:\d+: error: .*", said, re.MULTILINE)
    wrong = 'Unexpected keyword argument "nam" for "temporal" of "Deployer"; did you mean "name"?'
    assert found == [f"typed.py:10: error: {wrong}  [call-arg]"], said


def test_metaflow_alone_does_not_notice(home) -> None:
    """`import metaflow` prints nothing and imports none of mftctl, and the namespace stays open to other extensions."""
    script = (
        "import metaflow, sys;"
        "assert 'metaflow_extensions.temporal.plugins.mfextinit_temporal' in sys.modules;"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('mftctl', 'temporalio', 'cyclopts')]"
    )
    done = home.command(sys.executable, "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (Path(__file__).resolve().parents[2] / "metaflow_extensions" / "__init__.py").exists()


def test_every_option_is_in_the_documentation(door) -> None:
    """The reference has each command and option of `python flow.py temporal`."""
    reference = Path(__file__).resolve().parents[2] / "docs" / "reference"
    # The options of create are those of mftctl deploy.
    documented = "".join((reference / page).read_text() for page in ("metaflow.md", "commands/deploy.md"))
    help_of = temporal(door, str(door.folder / "doorflow.py"), "--help").stdout
    commands = re.findall(r"^  ([a-z][a-z-]+)  ", help_of, re.MULTILINE)
    assert "list-deployments" in commands
    helps = json.loads(door.python("-c", HELPS).stdout)
    assert commands == sorted(helps)
    for command, said in helps.items():
        assert f"`{command}" in documented
        for option in set(re.findall(r"--[a-z][\w-]+", said)) - {"--help"}:
            assert option in documented, f"{command} {option}"
