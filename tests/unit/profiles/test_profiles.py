"""The configuration file: what is in force, where it came from, and which line is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mftctl import profiles
from mftctl.model.errors import Exit, MftctlError
from mftctl.profiles import KEYS, document, editing

FILE = """\
# mine
default_profile = "dev"   # while I try things

[profiles.dev]
address = "localhost:7233"

[profiles.prod]
address = "temporal.example.com:7233" # the real one
tags = [
    "team:ml",
    # more later
]
max_workers = 64
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file that is in force, and no variable."""
    for name in ("MFTCTL_PROFILE", *(key.variable for key in KEYS.values())):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    monkeypatch.setenv("MFTCTL_CONFIG", str(path))
    return path


def test_the_profile_is_the_flags_the_variables_or_the_files(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--profile goes before MFTCTL_PROFILE, and that before default_profile; without a file there is none."""
    assert profiles.load().name == "dev"
    monkeypatch.setenv("MFTCTL_PROFILE", "prod")
    assert profiles.load().get("max_workers") == 64
    assert profiles.load("dev").name == "dev"
    monkeypatch.delenv("MFTCTL_PROFILE")
    file.unlink()
    assert profiles.load().name is None


def test_each_value_knows_its_source(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag, variable, profile with its line, or default."""
    profile = profiles.load("prod")
    assert str(profile.setting("max_workers", 3).source) == "--max-workers"
    assert str(profile.setting("tags").source) == f"profile prod ({file}:9)"
    assert str(profile.setting("max_workers").source) == f"profile prod ({file}:13)"
    monkeypatch.setenv("MFTCTL_MAX_WORKERS", "7")
    assert profile.setting("max_workers").value == 7
    assert profile.setting("max_workers").source == profiles.Source("variable", "MFTCTL_MAX_WORKERS")
    assert profile.setting("branch").source.kind == "default"


def test_every_key_is_documented() -> None:
    """docs/reference/profiles.md has a row of each, and of no other."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "profiles.md").read_text()
    table = page.partition("| key |")[2].partition("\n\n")[0]
    first = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert {name for cell in first for name in re.findall(r"`(\w+)`", cell)} == set(KEYS)


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        ('[profiles.dev]\nadress = "x"\n', 2, "unknown key 'adress'", "did you mean 'address'?"),
        ('[profiles.dev]\napi_key = "s3cret"\n', 2, "unknown key 'api_key'", "did you mean 'api_key_env'?"),
        (
            '[profiles.dev]\ntags = [\n  "a",\n]\nmax_workers = "many"\n',
            5,
            "max_workers must be a whole number",
            "",
        ),
        ("[profiles.dev]\n\nmax_workers = 0\n", 3, "max_workers must be", ""),
        ("[profiles.dev]\npriority = 6\n", 2, "priority must be a whole number, 1 to 5", ""),
        ("[profiles.dev]\nproduction = 'yes'\n", 2, "production must be true or false", ""),
        ("[profiles.dev]\ntags = 'a'\n", 2, "tags must be a list", ""),
        ("[profiles.dev]\nisolation = 'thread'\n", 2, "isolation must be fork or spawn", ""),
        ("[profiles.dev]\napi_key_env = 'ey.s3cret'\n", 2, "never the key itself", ""),
        ("[profiles.dev]\naddress = ''\n", 2, "address must be a text", ""),
        ("profiles = {dev = {address = 1}}\n", 1, "address must be a text", ""),
        ("[profiles]\nother.tls = true\ndev.tls = 1\n", 3, "tls must be true or false", ""),
        ("[profile.dev]\naddress = 'x'\n", 1, "unknown key 'profile'", "did you mean 'profiles'?"),
        ("\ndefault_profile = 3\n", 2, "default_profile must be", ""),
        ("[profiles]\ndev = 3\n", 2, "must be a table", ""),
        ('[profiles.dev]\naddress = "x\n', 2, "Illegal character", "quotes"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    file: Path, text: str, line: int, words: str, hint: str
) -> None:
    """File and line, what is wrong, what was perhaps meant; exit code 2, and no value that may be a secret."""
    file.write_text(text)
    with pytest.raises(MftctlError) as caught:
        profiles.load("dev")
    assert caught.value.exit == Exit.USAGE
    assert caught.value.message.startswith(f"{file}:{line}: ")
    assert words in caught.value.message
    assert hint in caught.value.hint
    assert "s3cret" not in caught.value.message + caught.value.hint


@pytest.mark.usefixtures("file")
def test_an_unknown_profile_is_an_error_with_a_suggestion() -> None:
    """Exit code 2."""
    with pytest.raises(MftctlError, match="no profile 'prd'") as caught:
        profiles.load("prd")
    assert (caught.value.exit, caught.value.hint) == (Exit.USAGE, "did you mean 'prod'?")


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("variable", "text"),
    [("MFTCTL_MAX_WORKERS", "many"), ("MFTCTL_PRODUCTION", "maybe"), ("MFTCTL_ISOLATION", "thread")],
)
def test_a_variable_of_the_wrong_type_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    """Exit code 2 and the variable's name, not a crash."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(MftctlError, match=variable) as caught:
        profiles.load().get(variable.removeprefix("MFTCTL_").lower())
    assert caught.value.exit == Exit.USAGE


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("tags", "a, b:c", ["a", "b:c"]),
        ("with", "retry resources:cpu=2,memory=4", ["retry", "resources:cpu=2,memory=4"]),
        ("production", "ON", True),
        ("tls", "0", False),
        ("max_workers", "12", 12),
        ("workflow_timeout", "90", "90"),
    ],
)
def test_values_as_text(key: str, text: str, value: object) -> None:
    """As a variable, or `profile set`, has them."""
    assert KEYS[key].parse(text) == value


def test_paths_are_relative_to_the_file(file: Path) -> None:
    """Certificates lie beside the configuration, wherever the command is given."""
    file.write_text('[profiles.dev]\ntls_ca = "ca.pem"\ntls_cert = "~/c.pem"\n')
    assert profiles.load("dev").get("tls_ca") == str(file.parent / "ca.pem")
    assert profiles.load("dev").get("tls_cert") == str(Path("~/c.pem").expanduser())


def test_a_change_keeps_comments_and_order(file: Path) -> None:
    """Only what is changed differs."""
    editing.set_keys(file, "prod", {"max_workers": 8, "metadata": "service"})
    editing.set_default(file, "prod")
    wanted = FILE.replace('"dev"   #', '"prod"   #').replace(
        "max_workers = 64", 'max_workers = 8\nmetadata = "service"'
    )
    assert file.read_text() == wanted
    editing.unset_keys(file, "prod", ["metadata"])
    assert file.read_text() == wanted.replace('metadata = "service"\n', "")


def test_a_profile_and_its_file_are_made_and_removed(tmp_path: Path) -> None:
    """With the folder; the file is the user's alone, and a default that is removed is no default any more."""
    file = tmp_path / "new" / "config.toml"
    assert editing.set_keys(file, "a.b", {"address": "x:1", "tags": ["t"]})
    assert not editing.set_keys(file, "a.b", {"production": True})
    editing.set_default(file, "a.b")
    assert file.stat().st_mode & 0o777 == 0o600
    assert document.read(file) == {
        "default_profile": "a.b",
        "profiles": {"a.b": {"address": "x:1", "tags": ["t"], "production": True}},
    }
    assert editing.remove_profile(file, "a.b")
    assert document.read(file).get("default_profile") is None
    assert [one.name for one in file.parent.iterdir()] == ["config.toml"]


def test_changes_at_once_lose_nothing(tmp_path: Path) -> None:
    """Several processes that write the file write one after the other."""
    file = tmp_path / "config.toml"
    program = (
        "import sys\nfrom pathlib import Path\nfrom mftctl.profiles import editing\n"
        "for number in range(10): editing.set_keys(Path(sys.argv[1]), f'p{sys.argv[2]}-{number}', {'tls': True})"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, file, str(number)]) for number in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(document.read(file)["profiles"]) == 30


def test_a_link_to_the_file_stays_one(file: Path, tmp_path: Path) -> None:
    """Whoever keeps the file elsewhere finds the change there, with the file's mode."""
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    file.chmod(0o640)
    editing.set_keys(link, "prod", {"tls": True})
    assert link.is_symlink()
    assert document.read(file)["profiles"]["prod"]["tls"] is True
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Exit code 1, and nothing is changed."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MftctlError) as caught:
        editing.set_keys(tmp_path / "file" / "config.toml", "p", {"tls": True})
    assert caught.value.exit == Exit.FAILED
    assert str(tmp_path) in caught.value.message
    assert "MFTCTL_CONFIG" in caught.value.hint
