"""How the one file starts (packaging/start): a real one, packed as `dist/mftctl` is, with a program of two lines."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from onefile import NO_SUCH_USER, NOBODY, Run, as_user, bundles, environment, pythons, runner

# Packed once, and Pythons looked for once.
pytestmark = pytest.mark.xdist_group("start")

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
def main():
    import json, os
    print("mftctl 1.2.3")
    print(json.dumps(dict(os.environ)))
"""
#: What there is to unpack: enough to be stopped on the way.
FILES, SIZE = 400, 20_000


def pack(folder: Path, *, mode: int = 0o644) -> Path:
    """Pack the program as `packaging/build_zipapp.py` packs mftctl; ``mode``: of the files that are packed."""
    project = folder / "project"
    (project / "mftctl").mkdir(parents=True)
    (project / "mftctl" / "__init__.py").touch()
    (project / "mftctl" / "__main__.py").write_text(PROGRAM)
    for number in range(FILES):
        (project / "mftctl" / f"{number}.data").write_bytes(bytes(SIZE))
    for file in project.rglob("*.*"):
        file.chmod(mode)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "packaging"))
        import build_zipapp

        build_zipapp._settle_modes(project)
        build_zipapp._pack([project], folder / "mftctl", version="1.2.3")
    return folder / "mftctl"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file."""
    return pack(tmp_path_factory.mktemp("program"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def start(program: Path, cache: Path) -> Run:
    """Starts the file with this test's own cache folder."""
    return runner(program, cache)


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_the_same_files_are_packed_to_the_same_bytes(program: Path, tmp_path: Path) -> None:
    """Whenever, wherever, and under whatever umask their copies were made (`test_zipapp.py` builds all of mftctl)."""
    again = pack(tmp_path, mode=0o600)
    assert again.read_bytes() == program.read_bytes()
    with zipfile.ZipFile(again) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_first_start_says_that_it_unpacks_and_later_ones_do_not(start: Run, tmp_path: Path) -> None:
    """In one line on stderr, and where to; wherever it is started, that folder is left as it was."""
    where = tmp_path / "elsewhere"
    where.mkdir()
    first = start(cwd=where)
    assert re.fullmatch(r"mftctl: first start: unpacking to /.*\n", first.stderr)
    assert start(cwd=where).stderr == ""
    assert start(cwd=Path("/")).stdout.startswith("mftctl 1.2.3\n")
    assert not list(where.iterdir())


def test_a_copy_under_another_name_is_not_unpacked_again(start: Run, program: Path, tmp_path: Path) -> None:
    """A renamed copy and a symbolic link start from what the first start unpacked."""
    start()
    copy = tmp_path / "other name"
    shutil.copy(program, copy)
    link = tmp_path / "link"
    link.symlink_to(program)
    for file in (copy, link):
        again = start(file=file)
        assert (again.stdout.startswith("mftctl 1.2.3\n"), again.stderr) == (True, "")


def test_two_first_starts_at_once_both_work(program: Path, cache: Path) -> None:
    """Both run, on one whole bundle."""
    processes = [
        subprocess.Popen([sys.executable, program], env=environment(cache), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert all(output.startswith("mftctl 1.2.3\n") for output in outputs)
    assert len([folder for folder in bundles(cache).iterdir() if folder.is_dir()]) == 1


def test_a_first_start_that_was_killed_does_no_harm(program: Path, tmp_path: Path) -> None:
    """After one that was killed while it unpacked, the next one makes the bundle whole and runs."""
    for number in range(20):  # until one is killed on its way
        cache = tmp_path / str(number)
        process = subprocess.Popen(
            [sys.executable, "-u", program], env=environment(cache), stderr=subprocess.PIPE, text=True
        )
        assert process.stderr
        bundle = Path(process.stderr.readline().strip().rpartition(" to ")[2])
        while process.poll() is None and not list(bundles(cache).rglob("*.data")):
            pass
        process.kill()
        process.communicate()
        if not bundle.exists():
            break
    else:
        pytest.fail("none was killed before its bundle was whole")
    assert 0 < len(list(bundles(cache).rglob("*.data"))) <= FILES
    assert runner(program, cache)().stdout.startswith("mftctl 1.2.3\n")
    sizes = [file.stat().st_size for file in bundle.rglob("*.data")]
    assert sizes == [SIZE] * FILES


def test_shiv_root_names_the_folder(start: Run, tmp_path: Path) -> None:
    """`SHIV_ROOT` names the folder to unpack into, for images that bring the unpacked bundle with them."""
    root = tmp_path / "opt"
    assert f"unpacking to {root}/" in start(SHIV_ROOT=str(root)).stderr
    assert start(SHIV_ROOT=str(root)).stderr == ""


def test_a_shiv_root_that_cannot_be_written_is_one_clear_line(start: Run, tmp_path: Path) -> None:
    """Where nothing can be unpacked, one line says why and what to set, and the exit code is 1."""
    (tmp_path / "file").touch()
    failed = start(SHIV_ROOT=str(tmp_path / "file" / "x"), check=False)
    assert failed.returncode == 1
    assert re.fullmatch(
        r"mftctl: nowhere to unpack to \(.*Not a directory\): set SHIV_ROOT to .*\n", failed.stderr
    )


@pytest.mark.parametrize("home", ["/proc/none", "/dev/null"])
def test_it_runs_without_a_home(program: Path, tmp_path: Path, home: str) -> None:
    """It runs where HOME does not exist or is no folder."""
    variables = {"HOME": home, "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, program], env=variables, cwd="/", check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("mftctl 1.2.3\n")
    assert f"unpacking to {tmp_path}/mftctl-{os.geteuid()}/" in done.stderr


def test_nobody_else_can_write_what_is_unpacked(program: Path, tmp_path: Path) -> None:
    """Whatever the user's umask is: they are modules that this user executes."""
    variables = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [sys.executable, program]
    subprocess.run(command, env=variables, cwd="/", check=True, capture_output=True, umask=0)
    unpacked = [*(tmp_path / ".cache" / "mftctl" / "bundles").rglob("*")]
    assert unpacked
    assert [path for path in unpacked if path.stat().st_mode & 0o022 and "_lock" not in path.name] == []


def test_it_runs_for_a_user_whom_the_system_does_not_know(program: Path, readable: Path) -> None:
    """It runs under a user id without an entry in the password database and without HOME, as containers start it."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    file = shutil.copy(program, readable)
    readable.chmod(0o777)
    variables = {"TMPDIR": str(readable), "PATH": os.environ["PATH"]}
    command = [*as_user(NO_SUCH_USER), file]
    done = subprocess.run(command, env=variables, cwd="/", check=True, capture_output=True, text=True)
    assert done.stdout.startswith("mftctl 1.2.3\n")
    assert f"unpacking to {readable}/mftctl-{NO_SUCH_USER}/" in done.stderr


def test_it_runs_with_a_read_only_home(program: Path, readable: Path) -> None:
    """With a home that cannot be written it unpacks into a private folder of the temporary folder, once."""
    home = readable / "home"
    home.mkdir()
    home.chmod(0o555)
    temporary = readable / "tmp"
    temporary.mkdir()
    temporary.chmod(0o777)
    file = shutil.copy(program, readable)
    variables = {"HOME": str(home), "TMPDIR": str(temporary), "PATH": os.environ["PATH"]}
    command = [*as_user(NOBODY), file]
    first, second = (
        subprocess.run(command, env=variables, cwd="/", check=True, capture_output=True, text=True)
        for _ in range(2)
    )
    (made,) = temporary.iterdir()
    assert f"unpacking to {made}/" in first.stderr
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert (second.stdout.startswith("mftctl 1.2.3\n"), second.stderr) == (True, "")


def test_it_runs_no_code_that_another_user_left_for_it(program: Path, tmp_path: Path) -> None:
    """A folder in the temporary folder that others can write is not trusted, and the one line says so."""
    planted = tmp_path / f"mftctl-{os.geteuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    variables = {"HOME": "/dev/null", "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, program], env=variables, check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"{planted} may be written by others" in done.stderr


def test_an_old_python_is_told_so_in_one_line(program: Path, cache: Path) -> None:
    """A Python before 3.11, however old, gets one line that names what is needed, and exit code 2."""
    old = [python for version, python in pythons() if version < (3, 11)]
    if not old:
        pytest.skip("no Python before 3.11 on this machine")
    for python in old:
        done = subprocess.run(
            [python, program], env=environment(cache), check=False, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (2, ""), python
        assert re.fullmatch(
            r"mftctl: needs Python 3\.11 or newer, but this is \d\.\d+ \(.*\n", done.stderr
        ), python


def test_child_processes_see_nothing_of_the_bundle(start: Run, cache: Path) -> None:
    """The environment that children inherit is the one it was started with: no PYTHONPATH, no SHIV_ variable."""
    assert json.loads(start(PYTHONPATH="/x").stdout.splitlines()[1]) == {
        **environment(cache),
        "PYTHONPATH": "/x",
    }


def test_compiled_modules_are_kept_even_where_python_writes_none(start: Run, cache: Path) -> None:
    """Under PYTHONDONTWRITEBYTECODE compiled modules are kept, in the bundle's own folder: starts stay quick."""
    start(PYTHONDONTWRITEBYTECODE="1")
    (bundle,) = (folder for folder in bundles(cache).iterdir() if folder.is_dir())
    assert list((bundle / "pycache").rglob("__main__.*.pyc"))
    assert not list((bundle / "site-packages" / "mftctl").rglob("*.pyc"))
