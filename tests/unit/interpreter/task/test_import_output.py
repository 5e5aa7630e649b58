"""What is printed during an import is caught, and given back where the import fails."""

import subprocess
import sys

import pytest

CODE = """
import os, sys
from mftctl.interpreter.inside.task.import_output import ImportOutput
output = ImportOutput()
print("out")
os.write(2, b"err\\n")
{}
"""


@pytest.mark.parametrize(
    ("end", "out", "err"),
    [
        ("assert output.stop() == (b'out\\n', b'err\\n'); print('after')", "after\n", ""),
        ("output.release(); print('after')", "out\nafter\n", "err\n"),
        ("output.stop(); output.release(); print('after')", "after\n", ""),
    ],
)
def test_what_is_printed(end, out, err):
    """Stopped, it is told and not printed; released, it is printed before what follows, once."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(end)], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == (out, err)
