import dataclasses
import json

from mftctl.interpreter.inside.attempt import metaflow_commands
from mftctl.model.manifest import Launch, Package
from mftctl.model.task import Input, Task, TaskInput, TaskRef

LAUNCH = Launch(
    "F", "f.py", Package("sha", "url", "{}"), "python", "local", "s3", "s3://root", "conda", "log", "mon",
    options=("--with=retry:times=2", "--production"), decorators=("retry:times=2",), tags=("a", "b"), namespace="",
)  # fmt: skip
TASK = Task(TaskRef("body", (3, 1)), (Input(TaskRef("start")),), split_index=1)


def test_a_step_is_run_as_the_native_runtime_runs_it():
    """Top-level options, ids, inputs, attempt, budget, tags and namespace are those of Metaflow's own runtime."""
    line = metaflow_commands.step_command(
        TaskInput(LAUNCH, "r", TASK, attempt=2, user_retries=4), ["r/start/t"], None, None
    )
    joined = " ".join(line)
    assert "--quiet --metadata=local --environment conda --datastore=s3 --datastore-root=s3://root" in joined
    assert "--with=retry:times=2 --production step body --run-id r --task-id temporal-body-3-1" in joined
    assert "--input-paths r/start/t --split-index 1 --retry-count 2 --max-user-code-retries 4" in joined
    assert line[-6:] == ["--tag", "a", "--tag", "b", "--namespace", ""]


def test_many_inputs_go_through_a_file(tmp_path):
    """A new process gets a wide join's inputs in a file; a fork gets them all as they are."""
    paths = [f"r/body/t-{i}" for i in range(5000)]
    given = TaskInput(LAUNCH, "r", TASK)
    spawned = metaflow_commands.step_command(given, paths, str(tmp_path), None)
    file = spawned[spawned.index("--input-paths-filename") + 1]
    with open(file, encoding="utf-8") as written:
        assert written.read().split(",") == paths
    forked = metaflow_commands.step_command(given, paths, None, None)
    assert forked[forked.index("--input-paths") + 1].split(",") == paths


def test_a_control_task_knows_its_size():
    """The control task of @parallel gets the options that its decorator would add."""
    control = TaskInput(LAUNCH, "r", dataclasses.replace(TASK, control=True))
    line = metaflow_commands.step_command(control, ["r/start/t"], None, 3)
    assert line[-4:] == ["--ubf-context", "ubf_control", "--num-parallel", "3"]


def test_parameters_are_stored_as_run_stores_them():
    """Parameters are options of `init`, with the decorators as the user gave them and the run's tags."""
    line = metaflow_commands.init_command(
        TaskInput(LAUNCH, "r", TASK, parameters={"with-dash": "1 2", "x": ""})
    )
    assert line.index("--with=retry:times=2") < line.index("--production") < line.index("init")
    assert line[-8:] == ["--tag", "a", "--tag", "b", "--with-dash", "1 2", "--x", ""]


def test_decorators_get_the_whole_request(tmp_path):
    """What decorators are asked about is in a file, so that no length of inputs matters."""
    line = metaflow_commands.decorated_command(TaskInput(LAUNCH, "r", TASK), ["r/start/t"], str(tmp_path))
    with open(line[-1], encoding="utf-8") as file:
        request = json.load(file)
    assert request["input_paths"] == ["r/start/t"]
    assert TaskInput.from_plain(request["task"]) == TaskInput(LAUNCH, "r", TASK)


def test_each_step_has_its_own_decorators(tmp_path):
    """Where --with became something else for each; a compensation handler has them as they were given."""
    options = {"fit": ("--with=kubernetes:cpu=16",), "start": ("--with=kubernetes:cpu=1",)}
    launch = dataclasses.replace(LAUNCH, options=(), step_options=options, decorators=("kubernetes",))

    def given(step: str) -> TaskInput:
        return TaskInput(launch, "r", dataclasses.replace(TASK, ref=TaskRef(step)))

    def added(command: list[str]) -> list[str]:
        return [word for word in command if word.startswith("--with=")]

    for step, wanted in (("fit", "kubernetes:cpu=16"), ("start", "kubernetes:cpu=1"), ("undo", "kubernetes")):
        assert added(metaflow_commands.step_command(given(step), ["r/a/1"], None, None)) == [
            f"--with={wanted}"
        ]
        assert added(metaflow_commands.decorated_command(given(step), ["r/a/1"], str(tmp_path))) == [
            f"--with={wanted}"
        ]
    assert added(metaflow_commands.init_command(given("start"))) == ["--with=kubernetes"]
