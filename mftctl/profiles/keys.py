"""The keys of a profile: their meaning, and their values in TOML, in variables and on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ..model.options import Kind, Options, rows

_TRUTH = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXPECTED: dict[Kind, str] = {
    "text": "a text",
    "path": "the path of a file",
    "variable": "the name of an environment variable, never the key itself",
    "switch": "true or false",
    "count": "a whole number, 1 or more",
    "duration": "a duration, such as 90, '90s', '15m', '2h' or '1h30m'",
    "list": "a list of texts",
    "words": "a list of texts",
    "commas": "a list of texts",
}


@dataclass(frozen=True)
class Key:
    """A key of a profile: what it means, which commands use it, and the flag that replaces it, if there is one."""

    name: str
    kind: Kind
    section: Literal["connection", "deployment", "worker"]
    help: str
    default: str = ""
    commands: str = "all commands"
    flag: str = ""
    choices: tuple[str, ...] = ()
    most: int | None = None

    @property
    def variable(self) -> str:
        """The environment variable that takes precedence over the profile."""
        return f"MFTCTL_{self.name.upper()}"

    @property
    def expected(self) -> str:
        """The valid values, in words."""
        if self.most is not None:
            return f"a whole number, 1 to {self.most}"
        return " or ".join(self.choices) or _EXPECTED[self.kind]

    def validate(self, value: Any) -> Any:
        """The value, as in TOML; ValueError, which never contains the value, if it is invalid for this key."""
        if self.kind in {"list", "words", "commas"}:
            fits = isinstance(value, list) and all(isinstance(one, str) and one for one in value)
        elif self.kind == "switch":
            fits = isinstance(value, bool)
        elif self.kind == "count":
            fits = (
                isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= (self.most or value)
            )
        elif self.kind == "duration":
            fits = isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
        elif self.kind == "choice":
            fits = value in self.choices
        elif self.kind == "variable":
            fits = isinstance(value, str) and _VARIABLE.fullmatch(value) is not None
        else:
            fits = isinstance(value, str) and value != ""
        if not fits:
            raise ValueError(f"{self.name} must be {self.expected}")
        return value

    def parse(self, text: str) -> Any:
        """The value of a variable or of `profile set`: lists by commas, decorators (they contain commas) by blanks."""
        text = text.strip()
        value: Any = text
        if self.kind in {"list", "commas"}:
            value = [part.strip() for part in text.split(",")]
        elif self.kind == "words":
            value = text.split()
        elif self.kind == "switch":
            value = _TRUTH.get(text.lower(), text)
        elif self.kind == "count" and re.fullmatch(r"[+-]?\d+", text):
            value = int(text)
        return self.validate(value)


_DEPLOYMENT = tuple(
    Key(
        row.key,
        row.kind,
        "deployment",
        row.help,
        row.default,
        commands="deploy, run" if row.in_run else "deploy",
        flag=row.flag,
        most=row.most,
    )
    for row in rows(Options).values()
    if row.key
)
_CONNECTION = (
    Key("address", "text", "connection", "Temporal server as HOST:PORT", flag="--address"),
    Key(
        "temporal_namespace",
        "text",
        "connection",
        "Namespace on the Temporal server",
        "default",
        flag="--temporal-namespace",
    ),
    Key(
        "temporal_profile",
        "text",
        "connection",
        "Profile of `temporal.toml` for the rest of the connection",
    ),
    Key(
        "temporal_ui",
        "text",
        "connection",
        "Address of Temporal's UI, such as `http://localhost:8080`, for links to runs "
        "(not needed for Temporal Cloud and `mftctl dev`)",
    ),
    Key("api_key_env", "variable", "connection", "Name of the variable that holds the API key"),
    Key("tls", "switch", "connection", "Use TLS; any other `tls` key or an API key turns it on"),
    Key(
        "tls_ca",
        "path",
        "connection",
        "File with the CA certificates that verify the server",
        "this machine's",
    ),
    Key("tls_cert", "path", "connection", "File with the client certificate (mTLS)"),
    Key("tls_key", "path", "connection", "File with the private key of the client certificate"),
    Key(
        "tls_server_name",
        "text",
        "connection",
        "Name that the server's certificate must have",
        "the host of the address",
    ),
)
_WORKER = (
    Key(
        "isolation",
        "choice",
        "worker",
        "How tasks are started",
        "fork",
        commands="worker, run",
        flag="--isolation",
        choices=("fork", "spawn"),
    ),
    Key(
        "concurrency",
        "count",
        "worker",
        "Tasks of a worker at once",
        "the number of cores",
        commands="worker",
        flag="--concurrency",
    ),
    Key(
        "host_max_age",
        "duration",
        "worker",
        "Age at which a worker imports a flow again",
        "1h",
        commands="worker, run",
        flag="--host-max-age",
    ),
)
KEYS: dict[str, Key] = {key.name: key for key in (*_CONNECTION, *_DEPLOYMENT, *_WORKER)}


def suggest(word: str, known: Iterable[str]) -> str:
    """A hint for an unknown word: the known word that is most like it, or all known words."""
    import difflib

    known = sorted(known)
    found = difflib.get_close_matches(word.replace("-", "_"), known, 1, 0.6) or difflib.get_close_matches(
        word, known, 1
    )
    if found:
        return f"did you mean '{found[0]}'?"
    return f"known: {', '.join(known)}" if known else ""
