"""GPUs by their names."""

from __future__ import annotations

from mftctl.worker.gpus import VARIABLE, Gpus


def test_no_two_tasks_have_the_same_gpu() -> None:
    """One is free again when its task has ended; a task without any sees what its worker sees."""
    gpus = Gpus(("a", "b", "c"))
    with gpus.assigned(2) as first, gpus.assigned(1) as second:
        assert (first, second) == ({VARIABLE: "a,b"}, {VARIABLE: "c"})
    with gpus.assigned(0) as none, gpus.assigned(3) as all_:
        assert none == {}
        assert set(all_[VARIABLE].split(",")) == {"a", "b", "c"}
