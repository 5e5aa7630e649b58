"""What a step of `mftctl run` does not see of the variables that its task is recorded with."""

import os

import pytest

from mftctl.interpreter.inside import environment
from mftctl.interpreter.inside.task import hidden_variables


@pytest.mark.parametrize(
    ("argv", "place", "left"),
    [
        (["f.py", "step"], "/package", {"METAFLOW_CODE_URL": "mine"}),
        (["f.py", "step", "--ubf-context", "ubf_control"], "/package", None),
        (["f.py", "step"], "", None),
    ],
)
def test_a_step_has_no_variables_of_our_run(monkeypatch, argv, place, left):
    """They are gone when the task has begun, but for the flow's own, @parallel's control task and deployments."""
    from metaflow.datastore.task_datastore import TaskDataStore

    given = dict.fromkeys(hidden_variables._NAMES, "ours")
    for name, value in {**given, "METAFLOW_CODE_URL": "mine", environment.IN_PLACE: place}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(hidden_variables, "_GIVEN", given)
    monkeypatch.setattr("sys.argv", argv)
    seen = []
    monkeypatch.setattr(TaskDataStore, "save_metadata", lambda _, contents: seen.append(_variables()))
    hidden_variables.prepare()
    TaskDataStore.save_metadata(None, {"attempt": {}})
    TaskDataStore.save_metadata(None, {"task_begin": {}})
    whole = {**given, "METAFLOW_CODE_URL": "mine"}
    assert seen == [whole, whole]
    assert _variables() == (whole if left is None else left)


def _variables() -> dict[str, str]:
    return {name: os.environ[name] for name in hidden_variables._NAMES if name in os.environ}
