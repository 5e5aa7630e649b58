"""A flow that cannot be compiled is told once: a line, the user's own traceback, exit code 2, and nothing started."""

import asyncio
import sys
from pathlib import Path

import pytest

from mftctl.console import crash_report, output
from mftctl.interpreter.compilation import compile_flow
from mftctl.model.errors import Exit, MftctlError
from mftctl.model.options import Options
from mftctl.operations.deploy_options import file_argument

FLOW = """
from metaflow import FlowSpec, Parameter, step
{head}
class BadFlow(FlowSpec):
    {parameter}

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    BadFlow()
"""


def refused(folder: Path, head: str = "", parameter: str = "pass") -> MftctlError:
    """What the compiler says of a flow."""
    (folder / "bad.py").write_text(FLOW.format(head=head, parameter=parameter))
    with pytest.raises(MftctlError) as caught:
        asyncio.run(compile_flow("bad.py", Options(), sys.executable, folder / "cache"))
    assert not (folder / ".metaflow").exists(), "something has been saved"
    return caught.value


def test_an_import_that_fails_is_told_with_the_users_own_traceback(folder):
    """From the flow's file on, with none of our frames; the line names the user's last line."""
    (folder / "helper.py").write_text('def load():\n    raise RuntimeError("no\\nluck")\n')
    error = refused(folder, "import helper\nhelper.load()")
    assert (error.message, error.code, error.exit) == (
        "helper.py:2: RuntimeError: no luck",
        "flow.import",
        Exit.USAGE,
    )
    assert error.log == (
        "Traceback (most recent call last):",
        f'  File "{folder}/bad.py", line 4, in <module>',
        "    helper.load()",
        f'  File "{folder}/helper.py", line 2, in load',
        '    raise RuntimeError("no\\nluck")',
        "RuntimeError: no",
        "luck",
    )


def test_a_syntax_error_is_where_it_is(folder):
    """Of the flow's file, and of a module that it imports."""
    (folder / "helper.py").write_text("\nx = = 1\n")
    assert refused(folder, "import helper").message == "helper.py:2: SyntaxError: invalid syntax"
    error = refused(folder, "x = = 1")
    assert error.message == "bad.py:3: SyntaxError: invalid syntax"
    assert error.log[-1] == "SyntaxError: invalid syntax"


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (
            'a = Parameter("a", default=1, nonsense=True)',
            "Metaflow rejects Parameter 'a': got an unexpected keyword",
        ),
        ('a = Parameter("a b c", default=1)', "Metaflow rejects Parameter 'a b c': Could not determine name"),
        ('a = Parameter("a", is_flag=True, count=True)', "Metaflow rejects Parameter 'a': "),
        (
            'a = Parameter("a", default=lambda _: 1 / 0)',
            "*a*, the following exception occurred: ZeroDivision",
        ),
    ],
)
def test_a_parameter_that_metaflow_refuses_is_refused_before_anything_starts(folder, parameter, words):
    """Metaflow makes an option of each when a run starts; one that it cannot make is told when the flow is compiled."""
    error = refused(folder, parameter=parameter)
    assert words in error.message
    assert "\n" not in error.message
    assert (error.code, error.exit) == ("flow.invalid", Exit.USAGE)


def test_a_delay_that_is_no_number_is_told_without_a_traceback(folder):
    """Metaflow's own run takes any, as it never waits."""
    (folder / "bad.py").write_text(
        FLOW.format(head="from metaflow import retry", parameter="pass").replace(
            "    @step\n    def start", '    @retry(minutes_between_retries="x")\n    @step\n    def start'
        )
    )
    with pytest.raises(MftctlError) as caught:
        asyncio.run(compile_flow("bad.py", Options(), sys.executable, folder / "cache"))
    assert caught.value.message == "@retry: minutes_between_retries is not a number: 'x'"
    assert (caught.value.exit, caught.value.log) == (Exit.USAGE, ())


@pytest.mark.parametrize("what", ["store", "cache"])
def test_a_folder_that_cannot_be_made_is_no_fault_of_the_flow(folder, what):
    """The code package is stored in the datastore, and unpacked in the cache."""
    (folder / "good.py").write_text(FLOW.format(head="", parameter="pass"))
    (folder / "file").touch()
    place = folder / "file" / "place"
    options = Options(datastore_root=str(place)) if what == "store" else Options()
    with pytest.raises(MftctlError) as caught:
        asyncio.run(
            compile_flow("good.py", options, sys.executable, place if what == "cache" else folder / "cache")
        )
    assert caught.value.message.startswith(f"cannot store the code package: {place}")
    assert (caught.value.exit, caught.value.log) == (Exit.FAILED, ())


def test_a_file_that_cannot_be_packaged_is_named(folder):
    """Such as a link to nothing."""
    (folder / "good.py").write_text(FLOW.format(head="", parameter="pass"))
    (folder / "broken.py").symlink_to("nowhere")
    with pytest.raises(MftctlError) as caught:
        asyncio.run(compile_flow("good.py", Options(), sys.executable, folder / "cache"))
    start = f"cannot read a file for the code package: {folder}/broken.py"
    assert (caught.value.code, caught.value.message.startswith(start)) == ("package.unreadable", True)


def test_a_traceback_is_below_the_line_and_in_the_json_object(capfd):
    """Indented in text, a list in JSON."""
    error = MftctlError("bad.py:1: ValueError: x", exit=Exit.USAGE, log=("Traceback", "  File"))
    output.begin([])
    assert output.fail(error) == Exit.USAGE
    assert capfd.readouterr().err == "mftctl: bad.py:1: ValueError: x\n    Traceback\n      File\n"
    output.begin(["-o", "json"])
    output.fail(error)
    assert '"log": ["Traceback", "  File"]' in capfd.readouterr().err
    output.begin([])


def test_a_deleted_working_folder_is_one_clear_line(folder, monkeypatch):
    """Said of itself, and not as a flow that is not there, nor as a bug of ours."""
    file = folder / "flow.py"
    file.touch()
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(MftctlError) as caught:
        file_argument(str(file))
    with pytest.raises(FileNotFoundError) as unforeseen:
        Path.cwd()
    for error in (caught.value, crash_report.report(unforeseen.value)):
        assert (error.message, error.exit) == ("the current folder has been deleted", Exit.USAGE)


def test_files_of_parameters_are_stored_where_run_stores_them(folder, monkeypatch):
    """In the datastore, and not in a folder `data` beside the flow; a machine that has its own place keeps that."""
    (folder / "good.py").write_text(FLOW.format(head="", parameter="pass"))
    monkeypatch.delenv("METAFLOW_DATASTORE_SYSROOT_LOCAL")

    def place() -> str:
        made = asyncio.run(compile_flow("good.py", Options(), sys.executable, folder / "cache"))
        return made.launch.env["METAFLOW_DATATOOLS_LOCALROOT"]

    assert place() == str(folder / ".metaflow" / "data")
    monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(folder / "store"))
    assert place() == str(folder / "store" / "data")
