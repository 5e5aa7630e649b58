"""How an attempt at a task ended, as the supervisor that ran it answers its worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .codec import Serializable
from .task import Outcome

#: The task has a result; the attempt failed; it was cancelled with its run; it is to run again on another worker.
SUCCEEDED, FAILED, CANCELLED, LOST = "succeeded", "failed", "cancelled", "lost"


@dataclass(frozen=True)
class ProcessFigures:
    """What was measured of a task's process: ``prepared``, the seconds until it was started, ``ran``, the seconds from
    then to its end, and ``log_bytes``, the bytes of its logs.
    """

    prepared: float
    ran: float
    log_bytes: int


@dataclass(frozen=True)
class AttemptResult(Serializable):
    """How an attempt ended: its ``state`` is one of the four above.

    Of one that succeeded: ``outcome``, and the names of some ``artifacts``; of a task that a resumed run keeps, also
    the execution ``since`` which that result counts, and its ``generation``. Of one that failed: a ``message`` in one
    line, the last lines of its ``log``, and ``final``, whether no retry is left; ``taken``: the run's id is that of an
    earlier run, whose results are there. ``figures``: None if it started no process.
    """

    state: str
    outcome: Optional[Outcome] = None
    artifacts: tuple[str, ...] = ()
    since: Optional[int] = None
    generation: Optional[int] = None
    message: str = ""
    log: tuple[str, ...] = ()
    final: bool = True
    taken: bool = False
    figures: Optional[ProcessFigures] = None
