"""The work that every contender runs, and the loop that runs it on request. Standard library only."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

# Tasks at once: contenders with a process for each task get one a core, the others what is usual for threads.
PROCESSES = os.cpu_count() or 1
THREADS = 16


@dataclass(frozen=True)
class Work:
    """A run: `size` steps one after the other, or `size` splits between a first step, a join and an end.

    Each step or split computes `fibo(fibo)`, stores the number and hands it on; 0 computes nothing.
    """

    name: str
    shape: Literal["chain", "fan"]
    size: int
    fibo: int

    @property
    def flow(self) -> str:
        """A name for the flow, job or DAG that does it."""
        return f"{self.shape.capitalize()}{self.size}Fibo{self.fibo}"


WORKS = (
    Work("chain of 10, no-op", "chain", 10, 0),
    Work("chain of 40, fibo(10)", "chain", 40, 10),
    Work("chain of 10, fibo(33)", "chain", 10, 33),
    Work("fan-out of 50 and join", "fan", 50, 0),
    Work("fan-out of 500 and join", "fan", 500, 0),
)


def compute(number: int) -> int:
    """The Fibonacci number, computed the slow way: what a step works on."""
    return number if number < 2 else compute(number - 1) + compute(number - 2)


def serve(run: Callable[[Work], float]) -> None:
    """Run each work that comes as a line on stdin; answer with a line, the seconds from the run's start to its end.

    The answer goes to what was stdout at the start: what the contender prints later goes to stderr.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer: dict[str, object] = {"seconds": run(Work(**json.loads(line)))}
        except Exception as error:  # noqa: BLE001 - the driver says which contender failed, and continues
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), file=answers, flush=True)


def answers(port: int) -> bool:
    """Whether a server of this machine takes connections."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def as_line(work: Work) -> str:
    """The work as `serve` reads it."""
    return json.dumps(asdict(work))
