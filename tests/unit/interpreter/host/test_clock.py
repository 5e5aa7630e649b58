"""Whether an import reads the clock: only what the flow's own code reads counts."""

import copy
import datetime as dt
import logging
import os
import pickle
import random
import sys
import time
import types

import pytest

from mftctl.interpreter.inside.host.clock import Clock
from mftctl.interpreter.inside.host.randomness import RandomState

PID = os.getpid()
#: A dataclass makes its functions of text.
FACTORY = """
from dataclasses import dataclass, field
from {0} import *
@dataclass
class Config:
    at: object = field(default_factory={1})
Config()
"""
READS = [
    "from datetime import datetime; datetime.now()",
    "import datetime; datetime.datetime.now(datetime.timezone.utc)",
    "import datetime as d; d.datetime.utcnow()",
    "from datetime import date as day; day.today()",
    "from datetime import datetime; datetime.today()",
    "import time; time.time()",
    "from time import time_ns; time_ns()",
    "import time; time.strftime('%Y')",
    "import time; time.localtime()",
    "import time; time.localtime(None)",
    "import time; time.ctime()",
    "import time; time.clock_gettime(time.CLOCK_REALTIME)",
    "from datetime import datetime\ndef stamp():\n    return datetime.now()\nclass Flow:\n    at = stamp()",
    "from datetime import datetime\nclass Mine(datetime): pass\nMine.now()",
    FACTORY.format("datetime", "datetime.now"),
    "from email.utils import formatdate; formatdate()",
    "from email.utils import localtime; localtime()",
    "import logging as l; l.Formatter().formatTime(l.LogRecord('a', 20, '', 1, '', (), None))",
    "from uuid import uuid1; uuid1()",
    "import time; T0 = time.monotonic()",
    "from time import perf_counter\nclass Flow:\n    began = perf_counter()",
    FACTORY.format("time", "monotonic"),
]
INNOCUOUS = [
    "import time\ndef timed():\n    began = time.perf_counter()\n    return time.monotonic() - began\ntimed()",
    "import subprocess, threading; threading.Event().wait(0.001); subprocess.run(['true'], timeout=9)",
    "import io, zipfile\nwith zipfile.ZipFile(io.BytesIO(), 'w') as file:\n    file.writestr('a', 'b')",
    "import asyncio; asyncio.run(asyncio.sleep(0.001))",
    "import time; time.process_time()",
    "import time; time.localtime(0); time.strftime('%Y', time.gmtime(0)); time.ctime(0)",
    "import time; time.clock_gettime(time.CLOCK_MONOTONIC)",
    "import logging; logging.getLogger('quiet').warning('a record has a time')",
    "from time import time\nfrom datetime import datetime\ndef later():\n    return time(), datetime.now()",
    "from datetime import datetime; datetime.fromtimestamp(0); datetime(2020, 1, 1)",
]


@pytest.mark.parametrize("code", READS)
def test_a_read_of_the_clock_is_noticed(code, tmp_path):
    """Whatever way the flow's own code reads it, the line is named."""
    found, *_ = watched(tmp_path / "train.py", code)
    assert found.startswith("the time read at train.py:")


@pytest.mark.parametrize("code", INNOCUOUS)
def test_other_uses_are_none(code, tmp_path):
    """Durations, given times, what libraries read for themselves, and what is read later, change nothing."""
    assert watched(tmp_path / "train.py", code) == []


def test_a_librarys_now_is_a_read_of_the_flow(tmp_path):
    """A library's function that gives the time is as good as Python's; what it reads when imported is its own."""
    site = tmp_path / "site-packages"
    site.mkdir()
    library = "import time\nLOADED = time.time()\ndef now():\n    return time.time()\n"
    (site / "arrowlike.py").write_text(library)
    sys.path.insert(0, str(site))
    try:
        assert watched(tmp_path / "train.py", "import arrowlike") == []
        assert watched(tmp_path / "train.py", "import arrowlike\narrowlike.now()") == [
            "the time read at train.py:2"
        ]
    finally:
        sys.path.remove(str(site))
        del sys.modules["arrowlike"]


def test_the_process_id_counts_too(tmp_path):
    """Tasks of one host would all see the host's."""
    assert watched(tmp_path / "train.py", "import os\n\nPID = os.getpid()") == [
        "the process id read at train.py:3"
    ]


def test_nothing_is_left_of_the_watch(tmp_path):
    """Afterwards all is Python's own again, also what the flow has taken into its names."""
    before = (time.time, os.getpid, dt.datetime.__dict__["now"], dt.date.__dict__["today"])
    module = types.ModuleType("taken")
    sys.modules["taken"] = module
    try:
        code = "from time import time\nfrom datetime import datetime\nnow = datetime.now"
        watched(tmp_path / "train.py", code, module.__dict__)
    finally:
        del sys.modules["taken"]
    assert before == (
        time.time,
        os.getpid,
        dt.datetime.__dict__["now"],
        dt.date.__dict__["today"],
    )
    assert module.time is time.time
    assert pickle.loads(pickle.dumps(module.now)) == dt.datetime.now  # noqa: S301 - it is ours


KEPT = """
import logging, os, random, time
class Utc(logging.Formatter):
    converter = time.gmtime
class Timer:
    clock = time.perf_counter
    token = os.urandom
    seed = random.seed
KEPT = [time.monotonic, os.urandom, Timer.clock]
import pickle
AGAIN = pickle.loads(pickle.dumps(KEPT))
"""


def test_what_the_flow_has_kept_is_as_good_as_the_function(tmp_path):
    """As an attribute of a class, where a function written in Python would become a method, and in an artifact."""
    names = {"__name__": "kept"}
    random_state = RandomState()
    random_state.watch()
    try:
        watched(tmp_path / "train.py", KEPT, names)
    finally:
        random_state.stop()
    record = logging.LogRecord("a", 20, "", 1, "", (), None)
    assert names["Utc"]("%(asctime)s").format(record)
    timer = names["Timer"]()
    assert timer.clock() > 0
    assert len(timer.token(4)) == 4
    state = random.getstate()
    timer.seed(1)
    random.setstate(state)
    assert pickle.loads(pickle.dumps(names["KEPT"])) == [time.monotonic, os.urandom, time.perf_counter]  # noqa: S301
    assert copy.deepcopy(names["KEPT"])[0] is time.monotonic


def test_what_the_flow_has_put_in_place_stays(tmp_path, monkeypatch):
    """A clock of the flow's own, as freezegun has, is the one that its tasks see; it may call the one before it."""
    for module, name in ((time, "time"), (os, "getpid")):
        monkeypatch.setattr(module, name, getattr(module, name))
    code = "import os, time\ntime.time = lambda: 0.0\ndef put(was):\n    os.getpid = lambda: -was()\nput(os.getpid)"
    assert watched(tmp_path / "train.py", code) == []
    assert (time.time(), os.getpid()) == (0.0, -PID)


def watched(file, code, names=None):
    """What is noticed of ``code`` that stands in ``file``."""
    clock = Clock()
    clock.watch()
    try:
        exec(compile(code, str(file), "exec"), {} if names is None else names)  # noqa: S102 - it is the test's own
    finally:
        clock.stop()
    return clock.problems()
