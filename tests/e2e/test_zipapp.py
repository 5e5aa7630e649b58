"""`dist/mftctl` on other machines, other Pythons and other homes than the one it was built on."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import mftctl

ROOT = Path(__file__).resolve().parents[2]
VERSION = mftctl.__version__
NOBODY = 65534
NO_SUCH_USER = 54321

# One pytest process runs them all: several measure time.
pytestmark = pytest.mark.xdist_group("zipapp")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_file_is_small_enough_to_copy_around(zipapp: Path) -> None:
    """The file is at most 25 MB."""
    assert zipapp.stat().st_size <= 25_000_000


def test_two_builds_are_the_same_bytes(zipapp: Path, tmp_path: Path) -> None:
    """A build from nothing, in another folder and under another umask, gives the same file to the byte."""
    clone = tmp_path / "clone"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "tests")
    shutil.copytree(ROOT, clone, ignore=left_out)
    subprocess.run(
        [sys.executable, "packaging/build_zipapp.py"],
        cwd=clone,
        check=True,
        stdout=subprocess.DEVNULL,
        umask=0o077,
    )
    assert (clone / "dist" / "mftctl").read_bytes() == zipapp.read_bytes()


def test_what_metaflow_needs_is_in_the_file(zipapp: Path) -> None:
    """The bundle keeps the tutorials and each package's metadata, by which Metaflow finds its extensions."""
    with packages(zipapp) as archive:
        names = set(archive.namelist())
        (top_level,) = (name for name in names if re.search(r"/mftctl-[^/]*/top_level\.txt$", name))
        assert "metaflow_extensions" in archive.read(top_level).decode().split()
    assert "site-packages/metaflow/tutorials/01-playlist/playlist.py" in names
    assert "site-packages/metaflow_extensions/temporal/plugins/mfextinit_temporal.py" in names
    assert "site-packages/metaflow_extensions/__init__.py" not in names
    locked = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / "runtime.txt").read_text(), re.MULTILINE)
    metadata = {name.split("/")[1].lower() for name in names if name.endswith(".dist-info/METADATA")}
    assert {name.replace("-", "_") for name in locked} <= {
        name.split("-")[0].replace(".", "_") for name in metadata
    }


def test_nothing_in_the_file_names_the_builders_machine(zipapp: Path) -> None:
    """No metadata in the bundle tells where it was built."""
    with zipfile.ZipFile(zipapp) as archive:
        for name in archive.namelist():
            assert str(ROOT).encode() not in archive.read(name), name
    with packages(zipapp) as archive:
        for name in archive.namelist():
            if ".dist-info/" in name:
                assert str(ROOT).encode() not in archive.read(name), name


def test_every_aws_service_that_metaflow_asks_is_in_the_file(unpacked: Path) -> None:
    """Each AWS client that Metaflow's source makes can be made from the pruned bundle."""
    site = site_packages(unpacked)
    sources = "\n".join(path.read_text() for path in (site / "metaflow").rglob("*.py"))
    asked = set(re.findall(r"""(?:get_aws_client|boto3\.client)\(\s*\\*["'](\w+)""", sources))
    assert asked >= {"s3", "sts", "batch", "dynamodb", "events", "stepfunctions", "secretsmanager"}
    script = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import boto3\n"
        f"for name in {sorted(asked)}: boto3.client(name, region_name='eu-west-1')"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True)


def test_cleaning_keeps_the_bundle_in_use_and_the_one_used_last(mftctl_run: Run, cache: Path) -> None:
    """`doctor --clean` of a program that is not the newest leaves both; older ones go. It needs no server."""
    mftctl_run("--version")
    (own,) = (bundle for bundle in bundles(cache).iterdir() if bundle.is_dir())
    for name, used in (("newer", time.time() + 1000), ("older", 1e9)):
        (bundles(cache) / name / "site-packages").mkdir(parents=True)
        os.utime(bundles(cache) / name, (used, used))
    done = mftctl_run("doctor", "--clean", "-o", "json")
    assert json.loads(done.stdout)["cleaned"]["removed"] == [str(bundles(cache) / "older")]
    assert {bundle.name for bundle in bundles(cache).iterdir() if bundle.is_dir()} == {own.name, "newer"}


@pytest.mark.parametrize("folder", ["/", "elsewhere"])
def test_it_runs_from_any_folder(started: Run, tmp_path: Path, folder: str) -> None:
    """It runs from any working folder, and leaves nothing in it."""
    where = tmp_path / folder
    where.mkdir(exist_ok=True)
    before = set(where.iterdir())
    assert VERSION in started("--version", cwd=where).stdout
    assert set(where.iterdir()) == before


def test_the_first_start_says_that_it_unpacks_and_later_ones_do_not(mftctl_run: Run) -> None:
    """The first start says in one line on stderr where it unpacks to; later ones say nothing."""
    first = mftctl_run("--version")
    assert re.fullmatch(r"mftctl: first start: unpacking to /.*\n", first.stderr)
    assert mftctl_run("--version").stderr == ""


def test_topics_schemas_and_completion_are_in_the_file(started: Run) -> None:
    """What commands print that is no code of theirs comes along."""
    for topic in ("environment", "exit-codes", "output", "profiles"):
        assert started("help", topic).stdout.startswith("# ")
    assert '"schema_version"' in started("schema", "runs.list").stdout
    assert "complete -F _mftctl mftctl" in started("completion", "bash").stdout


def test_a_copy_under_another_name_is_not_unpacked_again(zipapp: Path, started: Run, tmp_path: Path) -> None:
    """A renamed copy and a symbolic link start from what the first start unpacked."""
    copy = tmp_path / "other name"
    shutil.copy(zipapp, copy)
    link = tmp_path / "link"
    link.symlink_to(zipapp)
    for file in (copy, link):
        again = started("--version", file=file)
        assert (again.stdout.strip().endswith(VERSION), again.stderr) == (True, "")


def test_two_first_starts_at_once_both_work(zipapp: Path, cache: Path) -> None:
    """Two first starts at the same time both run, on one complete bundle."""
    processes = [
        subprocess.Popen(
            [sys.executable, zipapp, "--version"], env=environment(cache), stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert all(VERSION in output for output in outputs)
    assert len([folder for folder in bundles(cache).iterdir() if folder.is_dir()]) == 1


def test_a_first_start_that_was_killed_does_no_harm(zipapp: Path, cache: Path, mftctl_run: Run) -> None:
    """After a first start that was killed while it unpacked, the next one completes the bundle and runs."""
    process = subprocess.Popen(
        [sys.executable, "-u", zipapp, "--version"], env=environment(cache), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    assert "unpacking" in process.stderr.readline()
    process.kill()
    process.communicate()
    assert VERSION in mftctl_run("--version").stdout


def test_shiv_root_names_the_folder(mftctl_run: Run, tmp_path: Path) -> None:
    """`SHIV_ROOT` names the folder to unpack into, for images that bring the unpacked bundle with them."""
    root = tmp_path / "opt"
    assert f"unpacking to {root}/" in mftctl_run("--version", SHIV_ROOT=str(root)).stderr
    assert mftctl_run("--version", SHIV_ROOT=str(root)).stderr == ""


def test_a_shiv_root_that_cannot_be_written_is_one_clear_line(mftctl_run: Run, tmp_path: Path) -> None:
    """Where nothing can be unpacked, one line says why and what to set, and the exit code is 1."""
    (tmp_path / "file").touch()
    failed = mftctl_run("--version", SHIV_ROOT=str(tmp_path / "file" / "x"), check=False)
    assert failed.returncode == 1
    assert re.fullmatch(
        r"mftctl: nowhere to unpack to \(.*Not a directory\): set SHIV_ROOT to .*\n", failed.stderr
    )


@pytest.mark.parametrize("home", ["/proc/none", "/dev/null"])
def test_it_runs_without_a_home(zipapp: Path, tmp_path: Path, home: str) -> None:
    """It runs where HOME does not exist or is no folder."""
    variables = {"HOME": home, "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [sys.executable, zipapp, "--version"]
    done = subprocess.run(command, env=variables, cwd="/", check=True, capture_output=True, text=True)
    assert VERSION in done.stdout
    assert f"unpacking to {tmp_path}/mftctl-{os.geteuid()}/" in done.stderr


def test_it_runs_for_a_user_whom_the_system_does_not_know(zipapp: Path, readable: Path) -> None:
    """It runs under a user id without an entry in the password database and without HOME, as containers start it."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    file = shutil.copy(zipapp, readable)
    readable.chmod(0o777)
    variables = {"TMPDIR": str(readable), "PATH": os.environ["PATH"]}
    command = [*as_user(NO_SUCH_USER), file, "--version"]
    done = subprocess.run(command, env=variables, cwd="/", check=True, capture_output=True, text=True)
    assert VERSION in done.stdout
    assert f"unpacking to {readable}/mftctl-{NO_SUCH_USER}/" in done.stderr


def test_it_runs_with_a_read_only_home(zipapp: Path, readable: Path) -> None:
    """With a home that cannot be written it unpacks into a private folder of the temporary folder, once."""
    home = readable / "home"
    home.mkdir()
    home.chmod(0o555)
    temporary = readable / "tmp"
    temporary.mkdir()
    temporary.chmod(0o777)
    file = shutil.copy(zipapp, readable)
    variables = {"HOME": str(home), "TMPDIR": str(temporary), "PATH": os.environ["PATH"]}
    command = [*as_user(NOBODY), file, "--version"]
    first, second = (
        subprocess.run(command, env=variables, cwd="/", check=True, capture_output=True, text=True)
        for _ in range(2)
    )
    assert VERSION in first.stdout
    (made,) = temporary.iterdir()
    assert f"unpacking to {made}/" in first.stderr
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert (VERSION in second.stdout, second.stderr) == (True, "")


def test_it_runs_no_code_that_another_user_left_for_it(zipapp: Path, tmp_path: Path) -> None:
    """A folder in the temporary folder that others can write is not trusted, and the one line says so."""
    planted = tmp_path / f"mftctl-{os.geteuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    variables = {"HOME": "/dev/null", "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [sys.executable, zipapp, "--version"]
    done = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{planted} may be written by others" in done.stderr


def test_every_supported_python_on_the_machine_runs_it(zipapp: Path, cache: Path) -> None:
    """The one file runs with each Python from 3.11 on."""
    supported = [python for version, python in pythons() if version >= (3, 11)]
    assert supported
    for python in supported:
        command = [python, zipapp, "--version"]
        done = subprocess.run(command, env=environment(cache), check=True, capture_output=True, text=True)
        assert VERSION in done.stdout, python


def test_an_old_python_is_told_so_in_one_line(zipapp: Path, cache: Path) -> None:
    """A Python before 3.11, however old, gets one line that names what is needed, and exit code 2."""
    old = [python for version, python in pythons() if version < (3, 11)]
    if not old:
        pytest.skip("no Python before 3.11 on this machine")
    for python in old:
        command = [python, zipapp, "--version"]
        done = subprocess.run(command, env=environment(cache), check=False, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, ""), python
        assert re.fullmatch(
            r"mftctl: needs Python 3\.11 or newer, but this is \d\.\d+ \(.*\n", done.stderr
        ), python


def test_the_version_comes_at_once(zipapp: Path, unpacked: Path) -> None:
    """Warm, `--version` takes at most 1.5 times `python -c 'import cyclopts'`, measured turn by turn."""
    seconds: dict[str, list[float]] = {"version": [], "cyclopts": []}
    for _ in range(10):
        for name, arguments in (("version", [zipapp, "--version"]), ("cyclopts", ["-c", "import cyclopts"])):
            seconds[name].append(timed([sys.executable, *arguments], unpacked))
    assert min(seconds["version"]) <= 1.5 * min(seconds["cyclopts"]), seconds


def test_the_first_start_is_short(zipapp: Path, tmp_path: Path) -> None:
    """The first start, unpacking included, takes at most 3 seconds (best of three, since tests run beside it)."""
    command = [sys.executable, zipapp, "--version"]
    assert min(timed(command, tmp_path / str(number)) for number in range(3)) <= 3


def test_child_processes_see_nothing_of_the_bundle(started: Run, unpacked: Path, tmp_path: Path) -> None:
    """The environment that children inherit is the one mftctl was started with: no PYTHONPATH, no SHIV_ variable."""
    seen = tmp_path / "seen.json"
    # Python imports sitecustomize before everything; its hook looks at the moment when mftctl itself starts.
    (tmp_path / "sitecustomize.py").write_text(
        "import json, os, sys\n"
        "def look(event, arguments):\n"
        "    if event == 'import' and arguments[0] == 'mftctl.__main__':\n"
        f"        open({str(seen)!r}, 'w').write(json.dumps(dict(os.environ)))\n"
        "sys.addaudithook(look)\n"
    )
    started("--version", PYTHONPATH=str(tmp_path))
    assert json.loads(seen.read_text()) == {**environment(unpacked), "PYTHONPATH": str(tmp_path)}


def test_a_users_pythonpath_does_not_replace_parts_of_the_program(started: Run, tmp_path: Path) -> None:
    """A module of the bundle's name on the user's PYTHONPATH is not taken for the bundle's."""
    for name in ("mftctl", "cyclopts", "rich", "temporalio"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('the wrong one')")
    assert VERSION in started("--version", PYTHONPATH=str(tmp_path)).stdout


def test_compiled_modules_are_kept_even_where_python_writes_none(mftctl_run: Run, cache: Path) -> None:
    """Under PYTHONDONTWRITEBYTECODE compiled modules are kept, in the bundle's own folder: starts stay quick."""
    mftctl_run("--version", PYTHONDONTWRITEBYTECODE="1")
    (bundle,) = (folder for folder in bundles(cache).iterdir() if folder.is_dir())
    assert list((bundle / "pycache").rglob("__main__.*.pyc"))
    assert not list((bundle / "site-packages" / "mftctl").rglob("*.pyc"))


def test_the_wheel_installs_and_runs(tmp_path: Path) -> None:
    """`pip install` of the wheel gives a `mftctl` command, and a distribution that Metaflow knows as an extension."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("mftctl-*.whl")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    (site,) = (venv / "lib").glob("python3.*/site-packages")
    # The dependencies as they are in .venv, so that no registry is asked; this names no .pth of .venv's own.
    (own,) = (Path(sys.prefix) / "lib").glob("python3.*/site-packages")
    (site / "dependencies.pth").write_text(f"{own}\n")
    done = subprocess.run(
        [venv / "bin" / "mftctl", "--version"], cwd="/", check=True, capture_output=True, text=True
    )
    assert VERSION in done.stdout
    script = (
        "import mftctl, importlib.metadata as m;"
        "print(mftctl.__file__); print(m.distribution('mftctl').read_text('top_level.txt'))"
    )
    found = subprocess.run(
        [python, "-c", script], cwd="/", check=True, capture_output=True, text=True
    ).stdout.split()
    assert found[0].startswith(str(venv))
    assert "metaflow_extensions" in found[1:]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def mftctl_run(zipapp: Path, cache: Path) -> Run:
    """Runs `dist/mftctl` with this test's own cache folder; keyword arguments are further environment variables."""
    return runner(zipapp, cache)


@pytest.fixture(scope="module")
def unpacked(zipapp: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which the file has been unpacked, for tests of what comes after a first start."""
    cache = tmp_path_factory.mktemp("unpacked")
    runner(zipapp, cache)("--version")
    return cache


@pytest.fixture
def started(zipapp: Path, unpacked: Path) -> Run:
    """Runs `dist/mftctl` where it has been unpacked."""
    return runner(zipapp, unpacked)


def runner(zipapp: Path, cache: Path) -> Run:
    def run(
        *arguments: str, file: Path = zipapp, cwd: Path | None = None, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, file, *arguments],
            cwd=cwd,
            env=environment(cache) | variables,
            check=check,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def packages(zipapp: Path) -> Iterator[zipfile.ZipFile]:
    """The archive in the file that holds all packages."""
    with (
        zipfile.ZipFile(zipapp) as whole,
        whole.open("site-packages.zip") as inner,
        zipfile.ZipFile(inner) as archive,
    ):
        yield archive


def environment(cache: Path) -> dict[str, str]:
    dropped = re.compile(r"SHIV_|MFTCTL_|PYTHON|XDG_|COV_")
    return {name: value for name, value in os.environ.items() if not dropped.match(name)} | {
        "XDG_CACHE_HOME": str(cache)
    }


def bundles(cache: Path) -> Path:
    return cache / "mftctl" / "bundles"


def site_packages(cache: Path) -> Path:
    (site,) = bundles(cache).glob("*/site-packages")
    return site


def timed(command: list[str | Path], cache: Path) -> float:
    before = time.perf_counter()
    subprocess.run(command, env=environment(cache), check=True, capture_output=True)
    return time.perf_counter() - before


def pythons() -> list[tuple[tuple[int, int], str]]:
    """Each minor version of Python that this machine has, once: on PATH, or installed by pyenv."""
    minor = re.compile(r"python(\d)\.(\d+)")
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders += sorted(pyenv.glob("*/bin"))
    found: dict[tuple[int, int], str] = {}
    for path in (path for folder in folders for path in folder.glob("python?.*")):
        matched = minor.fullmatch(path.name)
        # pyenv's shims stand on PATH for versions that are not switched on.
        if matched and subprocess.run([path, "-c", ""], check=False, capture_output=True).returncode == 0:
            found.setdefault((int(matched[1]), int(matched[2])), str(path))
    return sorted(found.items())


def as_user(uid: int) -> list[str]:
    """The start of a command that runs a Python as another user where we are root, for whom nothing is read-only."""
    if os.geteuid() != 0:
        return [sys.executable]
    drop = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    candidates = [python for version, python in pythons() if version >= (3, 11)] + ["/usr/bin/python3"]
    check = "import sys; assert sys.version_info >= (3, 11)"
    for python in candidates:
        done = subprocess.run([*drop, python, "-c", check], cwd="/", check=False, capture_output=True)
        if done.returncode == 0:
            return [*drop, python]
    pytest.skip("every Python from 3.11 on is in a folder that only root may enter")
