"""What a step may do to its own process: the run ends as with `python flow.py run`, and the next one is not touched.

All of them are runs of one deployment on one worker, whose supervisors serve one odd task after the other.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("faults")

FLOW = '''
import ctypes, faulthandler, os, resource, signal, subprocess, sys, threading, time
from metaflow import FlowSpec, Parameter, current, step

def sane():
    pass

def binary():
    sys.stdout.buffer.write(bytes(range(256)) * 8 + b"\\n")
    sys.stderr.buffer.write(b"\\xff\\xfe no newline at the end")

def daemon():
    """A child that outlives the task and holds its output open."""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)

def chatty_daemon():
    """A child that prints without a pause."""
    subprocess.Popen(["sh", "-c", "while :; do echo again; done"], start_new_session=True)

def leaves():
    os._exit(0)

def leaves_badly():
    os._exit(7)

def closes_output():
    os.close(1)
    os.close(2)

def holds_gil():
    ctypes.PyDLL(None).sleep(15)

def surroundings():
    os.chdir("/")
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)

def limits():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def killed():
    os.kill(os.getpid(), signal.SIGKILL)

def segfault():
    faulthandler.disable()
    ctypes.string_at(0)

def memory():
    """As a limit of memory would have it: an allocation that is refused."""
    soft = 2 << 30
    resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
    bytearray(8 << 30)

def thread_left():
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()

def exits():
    sys.exit(3)

class Odd(FlowSpec):
    mode = Parameter("mode", default="sane")

    @step
    def start(self):
        with open(os.path.join(FOLDER, "attempts"), "a") as file:
            file.write(f"{self.mode} {current.retry_count}\\n")
        self.before = (os.umask(0o022), signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
                       resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 64)
        globals()[self.mode]()
        self.after = self.mode
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Odd()
'''


@dataclass(frozen=True)
class Odd:
    """A mode of the flow; ``says``: words of the failure, none where the run ends well.

    ``holds_output``: a process that the task leaves behind keeps its output open; `python flow.py run` waits for it.
    """

    mode: str
    says: str = ""
    slow: bool = False
    holds_output: bool = False


ODD = [
    Odd("binary"),
    Odd("daemon", holds_output=True),
    Odd("chatty_daemon", holds_output=True),
    Odd("leaves", "without a result"),
    Odd("leaves_badly", "exited with code 7"),
    Odd("closes_output"),
    Odd("surroundings"),
    Odd("limits"),
    Odd("killed", "killed by signal 9"),
    Odd("segfault", "signal 11"),
    Odd("memory", "MemoryError"),
    Odd("thread_left"),
    Odd("exits", "exited with code 3"),
    Odd("holds_gil", slow=True),
]


@pytest.fixture(scope="module")
def odd(lodging: Any) -> Any:
    """The home of a worker that serves the flow; what its tasks leave running is ended."""
    lodging.flow("odd.py", FLOW.replace("FOLDER", repr(str(lodging.folder))))
    assert lodging.run("deploy", "odd.py").returncode == 0
    lodging.worker("Odd", "--concurrency", "2")
    yield lodging
    for pid, command in lodging.running():
        if "time.sleep(600)" in command or "echo again" in command:
            os.kill(pid, 9)


def trigger(home: Any, mode: str) -> dict[str, Any]:
    """How a run in this mode ended."""
    done = home.run("trigger", "Odd", f"mode={mode}", "--wait", "--timeout", "60s", "-o", "json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "case", [pytest.param(one, id=one.mode, marks=[pytest.mark.soak] if one.slow else []) for one in ODD]
)
def test_a_step_spoils_only_itself(odd: Any, case: Odd) -> None:
    """The run of an odd step ends as it should, after one attempt, and the next task finds a process as new."""
    ended = trigger(odd, case.mode)
    assert ended["status"] == ("failed" if case.says else "completed"), ended
    if case.says:
        assert case.says in ended["failure"]["message"]
    attempts = (odd.folder / "attempts").read_text().split("\n")
    assert attempts.count(f"{case.mode} 0") == 1
    assert f"{case.mode} 1" not in attempts
    after = trigger(odd, "sane")
    assert after["status"] == "completed", after
    look = "import metaflow; metaflow.namespace(None); print(metaflow.Step('{}').task.data.before)"
    shown = odd.python("-c", look.format(f"Odd/{after['run_id']}/start"))
    assert shown.stdout.strip() == "(18, True, True)", shown.stderr


@pytest.mark.soak
@pytest.mark.parametrize("case", [pytest.param(one, id=one.mode) for one in ODD if not one.holds_output])
def test_a_step_ends_as_with_run(odd: Any, case: Odd) -> None:
    """`python flow.py run` of the same odd step ends well or badly as the worker's does."""
    done = odd.command(sys.executable, "odd.py", "run", "--mode", case.mode)
    assert (done.returncode != 0) == bool(case.says), done.stderr


def test_the_worker_keeps_no_descriptor(odd: Any, wait_until: Any) -> None:
    """After all odd tasks the worker's processes hold as many descriptors as after a sane one."""
    trigger(odd, "sane")

    def held() -> int:
        count = 0
        for pid, command in odd.running():
            with suppress(OSError):  # it has just ended
                count += len(list(Path(f"/proc/{pid}/fd").iterdir())) if "mftctl" in command else 0
        return count

    before = held()
    for mode in ("daemon", "leaves_badly", "closes_output"):
        trigger(odd, mode)
    trigger(odd, "sane")
    wait_until(lambda: held() <= before + 2, "no more descriptors are open than before")
