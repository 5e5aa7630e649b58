"""What an import leaves behind that keeps its tasks from being forks. Each case is a process of its own."""

import json
import subprocess
import sys
import textwrap

import pytest

#: A native thread that waits for ever, as a thread pool's do; Python does not know it.
NATIVE = """
import ctypes
libc, thread = ctypes.CDLL(None), ctypes.c_void_p()
def start(name=None):
    assert libc.pthread_create(ctypes.byref(thread), None, libc.pause, None) == 0
    if name:
        assert libc.pthread_setname_np(thread, name) == 0
"""


def test_a_native_thread_is_a_hazard():
    """A thread that Python does not know is named, without its number in its pool."""
    assert hazards(NATIVE + "start(b'rayon-3')") == ["native threads (rayon)"]


def test_a_thread_that_was_there_before_the_import_is_none():
    """What the host has itself is not the flow's doing."""
    assert hazards("", before=NATIVE + "start()") == []


def test_a_thread_of_the_allocator_is_no_hazard():
    """jemalloc, which pandas loads with Arrow, does without its thread in a fork."""
    assert hazards(NATIVE + "start(b'jemalloc_bg_thd')") == []


@pytest.mark.parametrize("work", ["", "a = numpy.ones((500, 500)); a @ a"])
def test_a_pool_that_handles_forks_is_no_hazard(work):
    """OpenBLAS ends its threads before a fork, and a fork of a process that used it computes."""
    code = f"import numpy\n{work}\nassert native_threads.native()"
    after = """
    a = numpy.ones((500, 500))
    pid = os.fork()
    if pid == 0:
        os._exit(int((a @ a)[0, 0] != 500))
    assert os.waitpid(pid, 0)[1] == 0
    """
    assert hazards(code, after=textwrap.dedent(after)) == []


def test_a_fork_handler_that_hangs_is_a_hazard():
    """A trial fork that does not end is ended, and its threads count."""
    code = (
        NATIVE + "start(b'pool')\nos.register_at_fork(after_in_child=libc.pause)\nnative_threads._FORK = 0.2"
    )
    assert hazards(code) == ["native threads (pool)"]


def test_a_python_thread_is_a_hazard_once():
    """A thread of Python's own has its name, and is not counted among the native ones."""
    code = "import threading, time; threading.Thread(target=time.sleep, args=(60,), name='T', daemon=True).start()"
    assert hazards(code) == ["a thread (T)"]


def test_an_alarm_is_a_hazard():
    """No child inherits one."""
    assert hazards("import signal; signal.alarm(60)") == ["an alarm"]


def hazards(code: str, before: str = "", after: str = "") -> list[str]:
    """What is found in a new process after ``code``."""
    lines = [
        "import json, os, sys",
        "from mftctl.interpreter.inside.host import fork_safety, native_threads",
        before,
        "before = fork_safety.snapshot()",
        code,
        "found = fork_safety.problems(before)",
        after,
        "print(json.dumps(found), flush=True)",
        "os._exit(0)",
    ]
    env = {"OPENBLAS_NUM_THREADS": "4", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found
