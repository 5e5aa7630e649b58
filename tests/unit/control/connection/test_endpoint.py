"""Which server a command means: what goes before what, and what is refused before anybody is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mftctl.control.connection.endpoint import resolve
from mftctl.model.errors import Exit, MftctlError
from mftctl.operations.command_options import Connection
from mftctl.operations.profile_operations import set_, settings_in_force
from mftctl.profiles import Profile

TEMPORAL = """
[profile.default]
address = "file:1"
namespace = "of-file"
api_key = "key-of-file"
[profile.other]
address = "other:1"
"""
PEM = "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variable of ours and Temporal's is set, and Temporal's file is one of the test's."""
    for name in list(os.environ):
        if name.startswith(("MFTCTL_", "TEMPORAL_")):
            monkeypatch.delenv(name)
    file = tmp_path / "temporal.toml"
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    monkeypatch.setenv("MFTCTL_CONFIG", str(tmp_path / "config.toml"))
    return file


def test_ranks_of_the_address(nothing_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag, MFTCTL_ADDRESS, TEMPORAL_ADDRESS, the profile, Temporal's file, the default."""
    assert resolve(Profile()).address == "localhost:7233"
    assert resolve(Profile()).sources["address"].kind == "default"
    nothing_set.write_text(TEMPORAL)
    assert resolve(Profile()).address == "file:1"
    profile = Profile("p", {"address": "profile:1"})
    assert resolve(profile).address == "profile:1"
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal:1")
    assert resolve(profile).address == "temporal:1"
    monkeypatch.setenv("MFTCTL_ADDRESS", "ours:1")
    assert resolve(profile).address == "ours:1"
    found = resolve(profile, "flag:1", "ns")
    assert (found.address, found.temporal_namespace) == ("flag:1", "ns")
    assert str(found.sources["address"]) == "--address"


def test_ranks_of_temporals_profile(nothing_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MFTCTL_TEMPORAL_PROFILE, TEMPORAL_PROFILE, the profile's temporal_profile, the one called default."""
    nothing_set.write_text(TEMPORAL)
    profile = Profile("p", {"temporal_profile": "other"})
    assert resolve(profile).address == "other:1"
    monkeypatch.setenv("TEMPORAL_PROFILE", "default")
    assert resolve(profile).address == "file:1"
    monkeypatch.setenv("MFTCTL_TEMPORAL_PROFILE", "other")
    assert resolve(profile).address == "other:1"


def test_ranks_of_the_key(nothing_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that MFTCTL_API_KEY_ENV names, TEMPORAL_API_KEY, that of the profile, Temporal's file."""
    nothing_set.write_text(TEMPORAL)
    assert resolve(Profile()).api_key == "key-of-file"
    monkeypatch.setenv("MINE", "key-of-profile\n")
    profile = Profile("p", {"api_key_env": "MINE"})
    assert resolve(profile).api_key == "key-of-profile"
    monkeypatch.setenv("TEMPORAL_API_KEY", "key-of-temporal")
    assert resolve(profile).api_key == "key-of-temporal"
    monkeypatch.setenv("MFTCTL_API_KEY_ENV", "MINE")
    assert resolve(profile).api_key == "key-of-profile"


@pytest.mark.parametrize(
    ("values", "variables", "tls"),
    [
        ({}, {}, False),
        ({"tls": True}, {}, True),
        ({"tls_server_name": "x"}, {}, True),
        ({"api_key_env": "HOME"}, {}, True),
        ({"api_key_env": "HOME", "tls": False}, {}, False),
        ({"tls": False}, {"TEMPORAL_TLS": "true"}, True),
        ({"tls": True}, {"TEMPORAL_TLS": "false"}, False),
        ({"tls": True}, {"TEMPORAL_TLS": "true", "MFTCTL_TLS": "false"}, False),
        ({}, {"TEMPORAL_TLS_DISABLE_HOST_VERIFICATION": "true"}, True),
    ],
)
def test_what_switches_tls_on(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, object], variables: dict[str, str], tls: bool
) -> None:
    """Its own switch by rank; without one, any other of its settings and an API key."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert resolve(Profile("p", values)).tls is tls


def test_nothing_secret_is_shown(nothing_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a key nor what a variable holds of certificates is in the rows of `show`, nor in a repr."""
    nothing_set.write_text(TEMPORAL)
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_CERT_DATA", PEM)
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_KEY_DATA", PEM)
    monkeypatch.setenv("TEMPORAL_GRPC_META_AUTHORIZATION", "s3cret")
    monkeypatch.setenv("MFTCTL_NOTIFY_URL", "https://user:s3cret@example.com/hooks/s3cret")
    shown = settings_in_force(Connection(), Profile())
    by_key = {row.key: row for row in shown}
    assert by_key["api_key"].set
    assert by_key["notify_url"].value == ["https://example.com/…"]
    assert by_key["tls_key"].source.name == "TEMPORAL_TLS_CLIENT_KEY_DATA"
    assert by_key["address"].source.place == f"{nothing_set}:3"
    told = repr(shown) + repr(resolve(Profile()))
    assert not any(secret in told for secret in ("key-of-file", "BEGIN", "s3cret"))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[profile.default]\naddress = 3\n", 2, "must be a text"),
        ("[profile.default]\naddress = 'a:1'\ntls = true\n", 3, "tls must be a table"),
        ("[profile.default]\n\napi_key = 's3cret\n", 3, ""),
        ('[profile.default.tls]\ndisabled = "s3cret"\n', 2, "must be true or false"),
    ],
)
def test_a_mistake_in_temporals_file_is_named_with_its_line(
    nothing_set: Path, text: str, line: int, words: str
) -> None:
    """Exit code 2; the line itself, which may hold a key, is not quoted."""
    nothing_set.write_text(text)
    with pytest.raises(MftctlError) as caught:
        resolve(Profile())
    assert caught.value.exit == Exit.USAGE
    assert caught.value.message.startswith(f"{nothing_set}:{line}: ")
    assert words in caught.value.message
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    "address", ["host", "host:", ":7233", "host:0", "host:99999", "https://host:1", "h h:1", "::1:7"]
)
def test_an_address_needs_host_and_port(address: str) -> None:
    """Exit code 2, and how to write it."""
    with pytest.raises(MftctlError) as caught:
        resolve(Profile(), address)
    assert (caught.value.exit, caught.value.code) == (Exit.USAGE, "temporal.address")


def test_a_profile_is_given_no_address_without_host_and_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`profile set` refuses it as `--address` is refused, and writes nothing."""
    file = tmp_path / "config.toml"
    monkeypatch.setenv("MFTCTL_CONFIG", str(file))
    with pytest.raises(MftctlError, match="'nonsense' is not the address of a Temporal server") as caught:
        set_("p", ["tls=true", "address=nonsense"])
    assert (caught.value.exit, caught.value.code) == (Exit.USAGE, "temporal.address")
    assert not file.exists()
    set_("p", ["address=${namespace}.example.com:7233"])
    assert "${namespace}.example.com:7233" in file.read_text()


def test_an_ipv6_address_stands_in_brackets() -> None:
    """As everywhere."""
    found = resolve(Profile(), "[::1]:7233")
    assert (found.host, found.port) == ("::1", 7233)
