"""Finds threads that Python did not start: pools of polars, OpenMP, gRPC, DuckDB, TensorFlow.

A fork has none of them, but the library counts on them: its first call in a forked task may hang. Threads that are gone
after a fork are harmless: a library that handles forks (OpenBLAS, so numpy) ends them before one, and starts new ones
when it needs them.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
import threading
import warnings
from time import monotonic, sleep  # the originals, if the flow replaces them

#: Threads that a fork may lack. jemalloc (Arrow's allocator, loaded with pyarrow and pandas) returns memory in one; its
#: fork handlers let the child do this without a thread.
_HARMLESS = frozenset({"jemalloc_bg_thd"})
#: Seconds that the trial fork may take, and that threads may take to end at it.
_FORK, _END = 10.0, 0.2


def native() -> dict[int, str]:
    """Names, by id, of threads that Python does not know, without harmless ones. Empty on systems without a list."""
    known = {thread.native_id for thread in threading.enumerate()}
    found = _listed()
    return {number: name for number, name in found.items() if number not in known and name not in _HARMLESS}


def lost_in_fork(before: frozenset[int]) -> list[str]:
    """Names of the native threads, other than those ``before``, that a fork would lack; sorted.

    If there are any, it forks once to see which of them stay. Threads of a pool have one name.
    """
    if native().keys() - before and _fork():
        deadline = monotonic() + _END
        while native().keys() - before and monotonic() < deadline:
            sleep(0.01)
    return sorted({_pool(name) for number, name in native().items() if number not in before})


def _fork() -> bool:
    """Fork a child that ends at once; False when it does not, because a library's fork handler hangs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and newer warn about threads
        pid = os.fork()
    if pid == 0:
        os._exit(0)
    deadline = monotonic() + _FORK
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False
        sleep(0.001)
    return True


def _pool(name: str) -> str:
    """The name without the thread's number in its pool; an unnamed thread has the process's name."""
    name = re.sub(r"[-_ ]*\d*$", "", name)
    return name if name and not os.path.basename(sys.executable).startswith(name) else "unnamed"


def _listed() -> dict[int, str]:
    if sys.platform == "darwin":
        return _of_mach()
    found: dict[int, str] = {}
    try:
        numbers = os.listdir("/proc/self/task")
    except OSError:
        return found
    for number in numbers:
        try:
            with open(f"/proc/self/task/{number}/comm", encoding="utf-8", errors="replace") as file:
                found[int(number)] = file.read().rstrip("\n")
        except OSError:  # it has ended
            continue
    return found


def _of_mach() -> dict[int, str]:
    """Threads of this process on macOS; ids are those of ``threading.get_native_id()``."""
    system = ctypes.CDLL(None)
    system.pthread_from_mach_thread_np.restype = ctypes.c_void_p
    ports, count = ctypes.POINTER(ctypes.c_uint32)(), ctypes.c_uint32()
    task = ctypes.c_uint32.in_dll(system, "mach_task_self_")
    if system.task_threads(task, ctypes.byref(ports), ctypes.byref(count)) != 0:
        return {}
    found = {}
    for port in ports[: count.value]:
        thread = ctypes.c_void_p(system.pthread_from_mach_thread_np(port))
        number, name = ctypes.c_uint64(), ctypes.create_string_buffer(64)
        if thread.value and system.pthread_threadid_np(thread, ctypes.byref(number)) == 0:
            system.pthread_getname_np(thread, name, ctypes.c_size_t(len(name)))
            found[number.value] = name.value.decode(errors="replace")
        system.mach_port_deallocate(task, port)
    return found
