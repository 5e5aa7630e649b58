import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mftctl.engine.payloads import RunInput
from mftctl.engine.plan import SplitRange
from mftctl.model.codec import from_plain, to_plain
from mftctl.model.manifest import Launch, Manifest, Package, Step
from mftctl.model.parameter import Parameter
from mftctl.model.task import Input, Outcome, Task, TaskInput, TaskRef

text = st.text(max_size=10)
paths = st.lists(st.integers(0, 9), max_size=3).map(tuple)
refs = st.builds(TaskRef, text, paths, st.integers(0, 3))
inputs = st.builds(Input, refs, st.none() | st.integers(1, 9), st.integers(0, 9), st.booleans())
tasks = st.builds(
    Task, refs, st.lists(inputs, max_size=3).map(tuple), st.none() | st.integers(0, 9), st.booleans()
)
launches = st.builds(
    Launch,
    *[text] * 2,
    package=st.builds(Package, text, text, text),
    python=text,
    metadata=text,
    datastore=text,
    datastore_root=text,
    environment=text,
    event_logger=text,
    monitor=text,
    options=st.lists(text, max_size=2).map(tuple),
    env=st.dictionaries(text, text, max_size=2),
    tags=st.lists(text, max_size=2).map(tuple),
    namespace=st.none() | text,
    cwd=st.none() | text,
)
steps = st.builds(Step, text, text, st.lists(text, max_size=2).map(tuple), st.none() | text, st.none() | text)
manifests = st.builds(
    Manifest,
    text,
    launches,
    text,
    text,
    st.lists(steps, max_size=3).map(tuple),
    text,
    text,
    st.lists(st.builds(Parameter, text, required=st.booleans(), default=st.none() | text), max_size=2).map(
        tuple
    ),
    workflow_timeout=st.none() | st.floats(1, 100),
)


@given(
    st.one_of(
        tasks,
        launches,
        st.builds(TaskInput, launches, text, tasks),
        st.builds(Outcome, paths.map(lambda p: tuple(map(str, p)))),
    )
)
def test_values_survive_the_wire(value):
    """What is sent as JSON is read back as the same value."""
    assert from_plain(type(value), json.loads(json.dumps(to_plain(value)))) == value


@given(manifests, text, st.none() | st.builds(SplitRange, refs, text, st.integers(0, 9), st.integers(10, 19)))
def test_inputs_survive_the_wire(manifest, run_id, scope):
    """A run's input is read back with its manifest, its part of a foreach and its state."""
    given_ = RunInput(manifest, run_id, {"a": "1"}, ("t",), scope, state={"plan": {}})
    read = RunInput.from_plain(json.loads(json.dumps(given_.to_plain())))
    assert read.scope == scope
    assert read.state == {"plan": {}}
    assert read.manifest.version == manifest.version
    assert (read.run_id, read.parameters, read.tags) == (run_id, {"a": "1"}, ("t",))


@given(launches, tasks)
def test_a_task_input_is_small(launch, task):
    """Defaults are not sent, and what an older program does not know is ignored by it."""
    plain = TaskInput(launch, "run", task).to_plain()
    assert "delay" not in plain
    assert TaskInput.from_plain(plain | {"from_the_future": 1}) == TaskInput(launch, "run", task)


def test_a_manifest_from_the_future_is_refused():
    """A manifest of a newer schema is not half understood."""
    with pytest.raises(ValueError, match="newer"):
        Manifest.from_plain({"schema_version": 99})
