"""Wrong profiles, keys, values and variables: what each command says of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mftctl.__main__ import run

CONFIG = """\
[profiles.prod]
tags = ['a']
[profiles.typo]
max_worker = 3
[profiles.wrong]

max_workers = '3'
"""
WRONG = [
    (
        ["profile", "show", "nobody"],
        {},
        2,
        "profile.unknown",
        "no profile 'nobody'",
        "known: prod, typo, wrong",
    ),
    (
        ["trigger", "x", "--profile", "prd"],
        {},
        2,
        "profile.unknown",
        "no profile 'prd'",
        "did you mean 'prod'?",
    ),
    (
        ["trigger", "x"],
        {"MFTCTL_PROFILE": "prd"},
        2,
        "profile.unknown",
        "MFTCTL_PROFILE",
        "did you mean 'prod'?",
    ),
    (
        ["trigger", "y", "--profile", "typo"],
        {},
        2,
        "profile.key",
        "unknown key 'max_worker'",
        "'max_workers'?",
    ),
    (["deploy", "f.py", "--profile", "wrong"], {}, 2, "profile.type", ":7: ", ""),
    (["trigger", "x"], {"MFTCTL_CONFIG": "broken.toml"}, 2, "profile.file", "broken.toml:2: ", "quotes"),
    (["trigger", "x"], {"MFTCTL_CONFIG": "."}, 2, "profile.file", "Is a directory", "MFTCTL_CONFIG"),
    (["deploy", "f.py"], {"MFTCTL_MAX_WORKERS": "many"}, 2, "variable", "MFTCTL_MAX_WORKERS", ""),
    (["deploy", "f.py"], {"MFTCTL_WORKFLOW_TIMEOUT": "soon"}, 2, "usage", "MFTCTL_WORKFLOW_TIMEOUT", "90s"),
    (
        ["trigger", "x"],
        {"MFTCTL_TLS": "perhaps", "MFTCTL_ADDRESS": "x:1"},
        2,
        "variable",
        "true or false",
        "",
    ),
    (["profile", "set", "p", "adress=x"], {}, 2, "usage", "'adress'", "did you mean 'address'?"),
    (["profile", "set", "p", "address"], {}, 2, "usage", "no value", "key=value"),
    (["profile", "set", "p", "max_workers=0"], {}, 2, "usage", "1 or more", ""),
    (["profile", "set", "p"], {}, 2, "usage", "key=value", "address"),
    (
        ["profile", "set", "p", "tls=true"],
        {"MFTCTL_CONFIG": "f.py/c.toml"},
        1,
        "profile.write",
        "f.py",
        "MFTCTL_CONFIG",
    ),
    (["profile", "unset", "prod", "tag"], {}, 2, "profile.key", "no key 'tag'", "did you mean 'tags'?"),
    (["profile", "unset", "prod"], {}, 2, "usage", "--all", "--help"),
    (["profile", "use", "nobody"], {}, 2, "profile.unknown", "nobody", ""),
    (["profile", "show", "prod", "--profile", "typo"], {}, 2, "usage", "given twice", "name one"),
    (["profile", "chek"], {}, 2, "usage", "chek", "mftctl"),
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("words", "env", "exit_code", "code", "message", "hint"), WRONG, ids=[" ".join(one[0]) for one in WRONG]
)
def test_wrong_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd, form, words, env, exit_code, code, message, hint
) -> None:
    """Each has its exit code, one line and a hint, for people and for programs, and leaves the file as it was."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("MFTCTL_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    config = tmp_path / "config.toml"
    for name, value in {"HOME": str(tmp_path), "MFTCTL_CONFIG": str(config), **env}.items():
        monkeypatch.setenv(name, value)
    config.write_text(CONFIG)
    (tmp_path / "broken.toml").write_text("[profiles.prod]\naddress = 'x\n")
    (tmp_path / "f.py").write_text("")
    found = run([*words, "-o", form])
    stdout, stderr = capfd.readouterr()
    assert (found, stdout) == (exit_code, "")
    assert config.read_text() == CONFIG
    if form == "json":
        error = json.loads(stderr)["error"]
        assert (error["code"], error["exit_code"]) == (code, exit_code)
        said, hinted = error["message"], error["hint"]
    else:
        lines = stderr.splitlines()
        said, hinted = lines[0], "".join(lines[1:])
        assert said.startswith("mftctl: ")
        assert len(lines) <= 2
    assert message in said
    assert hint in hinted
