"""The keys of a profile: their meaning, and their values in TOML, in variables and on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ..model.ids import MAX_TASK_QUEUE_LENGTH, task_queue_problem
from ..model.options import Kind, Option, Options, rows

_TRUTH = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(("0", "false", "no", "off"), False)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LISTS: tuple[Kind, ...] = ("list", "words", "commas")
_EXPECTED: dict[Kind, str] = {
    "text": "a text",
    "path": "the path of a file",
    "variable": "the name of an environment variable, never the key itself",
    "switch": "true or false",
    "queue": f"the name of a task queue: 1 to {MAX_TASK_QUEUE_LENGTH} bytes, without blanks around it",
    "count": "a whole number, 1 or more",
    "duration": "a duration, such as 90, '90s', '15m', '2h' or '1h30m'",
    **dict.fromkeys(_LISTS, "a list of texts"),
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
        if self.kind in _LISTS:
            fits = isinstance(value, list) and all(isinstance(one, str) and one for one in value)
        elif self.kind == "switch":
            fits = isinstance(value, bool)
        elif self.kind == "count":
            fits = type(value) is int and 1 <= value <= (self.most or value)  # a bool is an int, too
        elif self.kind == "duration":
            fits = isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
        elif self.kind == "choice":
            fits = value in self.choices
        elif self.kind == "queue":
            fits = task_queue_problem(value) is None
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


def _connection(name: str, kind: Kind, help: str, default: str = "", flag: str = "") -> Key:
    return Key(name, kind, "connection", help, default, flag=flag)


def _worker(name: str, kind: Kind, help: str, default: str, commands: str, **more: Any) -> Key:
    flag = "--" + name.replace("_", "-")
    return Key(name, kind, "worker", help, default, commands, flag, **more)


def _deployment(row: Option) -> Key:
    commands = "deploy, run" if row.in_run else "deploy"
    return Key(row.key, row.kind, "deployment", row.help, row.default, commands, row.flag, most=row.most)


_ALL = (
    _connection("address", "text", "Temporal server as HOST:PORT", flag="--address"),
    _connection(
        "temporal_namespace", "text", "Namespace on the Temporal server", "default", "--temporal-namespace"
    ),
    _connection("temporal_profile", "text", "Profile of `temporal.toml` for the rest of the connection"),
    _connection(
        "temporal_ui",
        "text",
        "Address of Temporal's UI, such as `http://localhost:8080`, for links to runs "
        "(not needed for Temporal Cloud and `mftctl dev`)",
    ),
    _connection("api_key_env", "variable", "Name of the variable that holds the API key"),
    _connection("tls", "switch", "Use TLS; any other `tls` key or an API key turns it on"),
    _connection("tls_ca", "path", "File with the CA certificates that verify the server", "this machine's"),
    _connection("tls_cert", "path", "File with the client certificate (mTLS)"),
    _connection("tls_key", "path", "File with the private key of the client certificate"),
    _connection(
        "tls_server_name",
        "text",
        "Name that the server's certificate must have",
        "the host of the address",
    ),
    *(_deployment(row) for row in rows(Options).values() if row.key),
    _worker("isolation", "choice", "How tasks are started", "fork", "worker, run", choices=("fork", "spawn")),
    _worker("concurrency", "count", "Tasks of a worker at once", "the number of cores", "worker"),
    _worker(
        "metrics",
        "text",
        "Address of the worker's HTTP server for metrics and probes, HOST:PORT or :PORT",
        "none",
        "worker",
    ),
    _worker("log_format", "choice", "Lines of a worker's log", "text", "worker", choices=("text", "json")),
    _worker("cpu", "text", "Cores for tasks with @resources", "the machine's", "worker"),
    _worker("memory", "text", "Memory for tasks with @resources, such as 32G", "the machine's", "worker"),
    _worker("gpu", "text", "GPUs for tasks with @resources", "the machine's", "worker"),
    _worker(
        "enforce_memory",
        "switch",
        "Stop tasks that take more memory than @resources asks for",
        "false",
        "worker",
    ),
    _worker(
        "deployment_version",
        "text",
        "Version of Temporal's worker versioning, as BUILD or NAME:BUILD",
        "none",
        "worker",
    ),
    _worker("host_max_age", "duration", "Age at which a worker imports a flow again", "1h", "worker, run"),
)
KEYS: dict[str, Key] = {key.name: key for key in _ALL}


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
