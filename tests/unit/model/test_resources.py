"""What tasks need, and the task queues that say so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mftctl.model.resources import NOTHING, Resources, base_of, needs_of, queue_for

needs = st.builds(
    Resources,
    st.floats(0, 4096).map(lambda cores: round(cores, 2)),
    st.integers(0, 10**7),
    st.integers(0, 64),
)


@given(st.text("abc.#=,1", min_size=1), needs)
def test_a_task_queue_says_what_its_tasks_need(queue: str, wanted: Resources) -> None:
    """Whatever it is called; a task queue of tasks that need nothing stays as it is."""
    made = queue_for(queue, wanted)
    if wanted == NOTHING:
        assert made == queue
    else:
        assert (needs_of(made), base_of(made)) == (wanted, queue)


def test_other_task_queues_say_nothing() -> None:
    """Though they look like it."""
    for queue in (
        "gpu",
        "a#b",
        "#cpu=1",
        "a#cpu=",
        "a#gpu=1,cpu=2",
        "a#memory=1.5",
        "a#cpu=1.2.3",
        "a#cpu=.",
    ):
        assert needs_of(queue) is None
        assert base_of(queue) == queue


def test_what_fits() -> None:
    """Each of the three must; sums of fractions of cores are not exact."""
    machine = Resources(1.0, 4096, 1)
    assert Resources(1.0, 4096, 1).fits(machine)
    for more in (Resources(1.1), Resources(0, 4097), Resources(0, 0, 2)):
        assert not more.fits(machine)
    third = Resources(1 / 3)
    assert third.fits(machine - third - third)
