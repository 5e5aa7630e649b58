import re

from hypothesis import given
from hypothesis import strategies as st

from mftctl.model import ids


@given(
    st.from_regex(r"[a-z_][a-z0-9_]{0,20}", fullmatch=True),
    st.lists(st.integers(0, 9999)),
    st.integers(0, 99),
)
def test_task_ids_are_what_metaflow_can_carry(step, path, iteration):
    """A task id is never a number and holds none of the characters that Metaflow separates input paths by."""
    task_id = ids.task_id(step, tuple(path), iteration)
    assert not re.search(r"[,:!/]", task_id)
    assert not task_id.isdigit()


@given(
    st.tuples(st.lists(st.integers(0, 99), max_size=3).map(tuple), st.integers(0, 3)),
    st.tuples(st.lists(st.integers(0, 99), max_size=3).map(tuple), st.integers(0, 3)),
)
def test_different_tasks_of_a_step_have_different_ids(one, other):
    """Two tasks of a step at the same depth share an id only when they are the same task."""
    if len(one[0]) == len(other[0]) and one != other:
        assert ids.task_id("body", *one) != ids.task_id("body", *other)


def test_run_ids_hold_no_colon():
    """The run id of what a Schedule starts is the workflow's id without the colons of its time."""
    assert ids.run_id_of("temporal-flow-2026-11-24T08:30:00Z") == "temporal-flow-2026-11-24T083000Z"
    assert re.fullmatch(r"temporal-myflow-[a-z2-9]{10}", ids.new_run_id("MyFlow"))


def test_deployments_and_their_schedules():
    """A Schedule of ours names its deployment; somebody else's names none."""
    assert ids.deployment_of(ids.schedule_id("team.prod.Flow")) == "team.prod.Flow"
    assert ids.deployment_of("nightly-backup") is None


def test_names_a_deployment_cannot_have():
    """A name that a server or a file system would stumble over is refused, with what to use."""
    assert ids.deployment_problem("Flow") is None
    assert ids.deployment_problem("project.user.ann.Flow") is None
    for name in ("", "a b", "-x", "a/b", "é", "x" * 201):
        assert ids.deployment_problem(name)


def test_a_task_queue_is_not_called_like_those_for_resources():
    """Who deployed to one would take tasks from workers that have what they need."""
    assert ids.task_queue_problem("etl#memory=1.5") is None
    assert "workers of etl serve it" in str(ids.task_queue_problem("etl#cpu=4,memory=16000"))
