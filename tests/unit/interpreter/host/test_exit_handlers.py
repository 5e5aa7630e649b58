"""What a forked task does at its end, as Python does, and which exit handlers of an import keep it from a fork."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mftctl.interpreter.inside.host.exit_handlers import ExitHandlers

TASK = """
import atexit, gc, logging, os, sys, threading, time, weakref
from mftctl.interpreter.inside import interpreter_end
from mftctl.interpreter.inside.host import exit_handlers
exits = exit_handlers.ExitHandlers()
atexit.register(print, "the host's")
exits.watch()
{host}
exits.stop()
gc.freeze()
sys.stdout.flush()
if os.fork() == 0:
    exits.set_child()
    {task}
    interpreter_end.run()
    os._exit(0)
print("ended with", os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
os._exit(0)
"""
ENDS = {
    "a handler of its own": ("", "atexit.register(print, 'mine')", "mine\n"),
    "two, the last first": ("", "atexit.register(print, 1); atexit.register(print, 2)", "2\n1\n"),
    "one that fails": ("", "atexit.register(print, 1); atexit.register(lambda: 1 / 0)", "1\n"),
    "a finalizer": ("", "one = set(); weakref.finalize(exit_handlers, print, 'final')", "final\n"),
    "a thread": ("", "threading.Thread(target=lambda: (time.sleep(0.1), print('done'))).start()", "done\n"),
    "records": (
        "import logging.handlers",
        """kept = logging.handlers.MemoryHandler(9, target=logging.StreamHandler(sys.stdout))
    kept.emit(logging.LogRecord('', 30, '', 0, 'record', None, None))""",
        "record\n",
    ),
    "a process": (
        "import multiprocessing",
        "multiprocessing.Process(target=lambda: (time.sleep(0.2), print('child', flush=True))).start()",
        "child\n",
    ),
    "handlers of libraries": (
        (
            "atexit.register(print, 1); atexit.register(print, 'not me'); atexit.unregister(len)\n"
            "def end_run(): print('the run is ended')\natexit.register(end_run)\n"
            "import shutil; atexit.register(shutil.rmtree, '/dev/null')\n"
            "def cleanup_host(): print('no')\natexit.register(cleanup_host)"
        ),
        "atexit.register(print, 'mine')",
        "mine\nthe run is ended\nnot me\n1\n",
    ),
    "a handler with odd arguments": (
        "class Odd:\n    args = None\n    def __call__(self): print('odd')\natexit.register(Odd())",
        "pass",
        "odd\n",
    ),
    "a handler that its library has taken back": (
        "def end_run(): print('no')\natexit.register(end_run); atexit.unregister(end_run)",
        "pass",
        "",
    ),
    "a daemon": (
        "import multiprocessing",
        "multiprocessing.Process(target=lambda: time.sleep(60), daemon=True).start()",
        "",
    ),
}


@pytest.mark.parametrize(("host", "task", "printed"), ENDS.values(), ids=ENDS)
def test_a_forked_task_ends_as_python_ends(host, task, printed):
    """What it has begun is done and awaited, the host's handlers are left alone, and a failure keeps nothing back."""
    assert forked(host, task) == f"{printed}ended with 0\n"


@pytest.mark.parametrize(
    ("opened", "read"),
    [
        ("open('out', 'w')", "open('out').read()"),
        ("gzip.open('out', 'wt')", "gzip.open('out', 'rt').read()"),
        ("bz2.open('out', 'wt')", "bz2.open('out', 'rt').read()"),
    ],
)
def test_what_files_hold_back_is_written(tmp_path, monkeypatch, opened, read):
    """A file that the task leaves open has all that was written to it, and its own end where it has one."""
    monkeypatch.chdir(tmp_path)
    forked("import bz2, gzip", f"kept = {opened}; kept.write('row')")
    script = f"import bz2, gzip; assert {read} == 'row'"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


REGISTERS = {
    "import atexit\ndef bye(): pass\natexit.register(bye)": ["an exit handler (bye)"],
    "from atexit import register\n@register\ndef bye(): pass": ["an exit handler (bye)"],
    "import tempfile\nkept = tempfile.TemporaryDirectory()": [
        "an exit handler (TemporaryDirectory._cleanup)"
    ],
    "import tempfile\nwith tempfile.TemporaryDirectory(): pass": [],
    "import librarylike": [],
    "import librarylike\nlibrarylike.begin()": ["an exit handler (print)"],
    "import foldered": ["an exit handler (close)"],
}


@pytest.mark.parametrize(("code", "left"), REGISTERS.items(), ids=range(len(REGISTERS)))
def test_exit_handlers_of_the_flows_own_code_count(tmp_path, monkeypatch, code, left):
    """Itself or by a library's call; not what is over by then, nor what a library registers as it is imported."""
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "librarylike.py").write_text(
        "import atexit, weakref\natexit.register(set)\nclass A: pass\nA = A()\nweakref.finalize(A, set)\n"
        "def begin(): atexit.register(print, end='')\n"
    )
    folder = f"tempfile.mkdtemp(dir={str(tmp_path)!r})"
    (site / "foldered.py").write_text(
        f"import atexit, tempfile\nkept = {folder}\ndef close(): pass\natexit.register(close)\n"
    )
    monkeypatch.syspath_prepend(str(site))
    for name in ("librarylike", "foldered"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    file, flow = tmp_path / "train.py", {}
    exits = ExitHandlers()
    exits.watch()
    try:
        exec(compile(code, str(file), "exec"), flow)  # noqa: S102 - as the host executes a flow's file
    finally:
        exits.stop()
    assert exits.problems() == left
    if isinstance(flow.get("kept"), tempfile.TemporaryDirectory):
        flow["kept"].cleanup()


def forked(host: str, task: str) -> str:
    """What is printed where a task is forked from a host that has done ``host``."""
    script = TASK.format(host=host, task=task)
    env = {"PYTHONPATH": str(Path(__file__).parents[4]), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
