"""What a failed attempt says of itself, whether its task ran here or on a compute backend."""

from metaflow.mflog import mflog

from mftctl.interpreter.inside.attempt.failure_reason import Failure, failure_in
from mftctl.interpreter.inside.attempt.logs import SOURCE, Output, Stream

TRACEBACK = """<flow Train step fit> failed:
    Internal error
Traceback (most recent call last):
  File "flow.py", line 3, in fit
    raise ValueError("no data")
ValueError: no data
and this is why
"""
POD = b"[pod t-1-abc] "
#: As `kubernetes step` prints it, whose own stdout has both streams of the pod.
CLIENT = (
    "    Kubernetes error:\n    Error (exit code 1). This could be a transient error. Use @retry to retry.\n"
)


def test_a_local_task_tells_its_exception():
    """The exception's first line, not the last line of what was printed; the log is the end of stderr."""
    failed = failure_in(_output("working\n", "a warning\n" + TRACEBACK))
    assert failed == Failure("ValueError: no data (flow.py:3 in fit)", ["a warning", *TRACEBACK.splitlines()])


def test_the_flows_own_last_frame_is_named():
    """Frames of libraries and of Metaflow are not where the flow's author looks."""
    frames = [
        ("/x/site-packages/metaflow/cli_components/step_cmd.py", "step"),
        ("/metaflow/.mf_code/metaflow/task.py", "run_step"),
        ("/metaflow/train.py", "fit"),
        ("/metaflow/helpers/shapes.py", "check"),
        ("/usr/lib/python3.12/json/decoder.py", "decode"),
        ("/x/site-packages/numpy/core.py", "reshape"),
    ]
    lines = [f'  File "{file}", line {n}, in {name}\n    code()\n' for n, (file, name) in enumerate(frames)]
    text = "<flow Train step fit> failed:\nTraceback (most recent call last):\n" + "".join(lines)
    message = failure_in(_output("", text + "ValueError: bad shape\n")).message
    assert message == "ValueError: bad shape (shapes.py:3 in check)"


def test_a_frame_of_the_file_itself_has_no_function():
    """It is named by its line alone; without a frame of the flow's own there is none to name."""
    for file, where in (("train.py", " (train.py:7)"), ("/x/site-packages/lib.py", "")):
        text = f'Traceback (most recent call last):\n  File "{file}", line 7, in <module>\nKeyError: 1\n'
        assert failure_in(_output("", text)).message == f"KeyError: 1{where}"


def test_a_long_exception_is_cut_at_a_word():
    """The headline is one line that can be read; the whole text is in the log."""
    text = 'Traceback (most recent call last):\n  File "train.py", line 7, in fit\nValueError: '
    message = failure_in(_output("", text + "many words " * 100)).message
    assert message.endswith(("words … (train.py:7 in fit)", "many … (train.py:7 in fit)"))
    assert 290 < len(message) < 325


def test_earlier_tracebacks_are_not_the_failure():
    """What a step printed of an error that it has handled is no reason."""
    handled = "Traceback (most recent call last):\n  File\nKeyError: 1\n"
    assert failure_in(_output("", handled + TRACEBACK)).message == "ValueError: no data (flow.py:3 in fit)"


def test_a_remote_task_tells_its_exception_and_not_its_clients():
    """Lines of the backend come without the job's id, which its client puts before each."""
    remote = b"".join(mflog.refine(_sent(line), prefix=POD) for line in TRACEBACK.splitlines())
    failed = failure_in(_output(remote.decode(), CLIENT))
    assert failed == Failure("ValueError: no data (flow.py:3 in fit)", TRACEBACK.splitlines())


def test_a_backend_that_ended_the_task_tells_why():
    """Out of memory or evicted, the task says nothing; its client does."""
    remote = mflog.refine(_sent("working"), prefix=POD)
    assert failure_in(_output(remote.decode(), CLIENT)).message == " ".join(CLIENT.split())


def test_lines_of_a_backend_are_saved_by_it():
    """What the task has saved is shown and not saved again; what it could not save is."""
    seen = []
    stream = Stream("stdout", lambda _, lines: seen.extend(text for text, _ in lines))
    stream.feed(_sent("saved there") + mflog.set_should_persist(_sent("left over")) + b"of the client\n")
    kept = [mflog.parse(line).msg for line in stream.content().getvalue().splitlines()]
    assert seen == ["saved there", "left over", "of the client"]
    assert kept == [b"left over", b"of the client"]
    assert SOURCE == "runtime"


def _sent(text: str) -> bytes:
    return mflog.decorate("task", text.encode() + b"\n")


def _output(stdout: str, stderr: str) -> Output:
    output = Output()
    output.stdout.feed(stdout.encode())
    output.stderr.feed(stderr.encode())
    output.end()
    return output
