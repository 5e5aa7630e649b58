"""The keys of a profile: what each means, and which values it takes, from TOML and as text from a variable."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "path", "variable", "switch", "count", "duration", "tags", "words", "choice"]

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
    "tags": "a list of texts",
    "words": "a list of texts",
}


@dataclass(frozen=True)
class Key:
    """A key of a profile; ``room`` says which part of the work it is for."""

    name: str
    kind: Kind
    room: Literal["connection", "deployment", "worker"]
    about: str
    choices: tuple[str, ...] = ()
    most: int | None = None

    @property
    def variable(self) -> str:
        """The environment variable that goes before the profile."""
        return f"MFTCTL_{self.name.upper()}"

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
        if self.most is not None:
            return f"a whole number, 1 to {self.most}"
        return " or ".join(self.choices) or _EXPECTED[self.kind]

    def check(self, value: Any) -> Any:
        """A value as it is in TOML; ValueError when it is none for this key. It never says the value."""
        if self.kind in {"tags", "words"}:
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
        """A value as a variable or a command line has it: tags by commas, decorators (they hold commas) by blanks."""
        text = text.strip()
        value: Any = text
        if self.kind == "tags":
            value = [part.strip() for part in text.split(",")]
        elif self.kind == "words":
            value = text.split()
        elif self.kind == "switch":
            value = _TRUTH.get(text.lower(), text)
        elif self.kind == "count" and re.fullmatch(r"[+-]?\d+", text):
            value = int(text)
        return self.check(value)


KEYS: dict[str, Key] = {
    key.name: key
    for key in (
        Key("address", "text", "connection", "Temporal server as HOST:PORT"),
        Key("temporal_namespace", "text", "connection", "namespace on the Temporal server"),
        Key("temporal_profile", "text", "connection", "profile of Temporal's own configuration file"),
        Key("temporal_ui", "text", "connection", "address of Temporal's UI, for links to runs"),
        Key("api_key_env", "variable", "connection", "variable that holds the API key"),
        Key("tls", "switch", "connection", "TLS, which any other of its keys and an API key switch on"),
        Key("tls_ca", "path", "connection", "certificates that the server's is held against"),
        Key("tls_cert", "path", "connection", "client certificate"),
        Key("tls_key", "path", "connection", "private key of the client certificate"),
        Key("tls_server_name", "text", "connection", "name that the server's certificate must have"),
        Key("production", "switch", "deployment", "production branch of flows with @project"),
        Key("branch", "text", "deployment", "branch of flows with @project"),
        Key("namespace", "text", "deployment", "Metaflow namespace of the runs"),
        Key("tags", "tags", "deployment", "tags of all runs"),
        Key("with", "words", "deployment", "decorators of all steps"),
        Key("max_workers", "count", "deployment", "tasks of a run at once"),
        Key("priority", "count", "deployment", "priority among runs of a task queue, 1 (first) to 5", most=5),
        Key("workflow_timeout", "duration", "deployment", "how long a run may take"),
        Key("task_queue", "text", "deployment", "task queue that the workers serve"),
        Key("metadata", "text", "deployment", "Metaflow metadata provider"),
        Key("datastore", "text", "deployment", "Metaflow datastore"),
        Key("datastore_root", "text", "deployment", "root of the datastore"),
        Key("environment", "text", "deployment", "Metaflow environment"),
        Key("package_suffixes", "tags", "deployment", "suffixes of data files for the code package"),
        Key("python", "text", "deployment", "the flow's interpreter"),
        Key("notify_url", "tags", "deployment", "whom to tell that a run has ended"),
        Key("notify_key_env", "variable", "deployment", "variable with the key that signs this"),
        Key("isolation", "choice", "worker", "how tasks are started", ("fork", "spawn")),
        Key("concurrency", "count", "worker", "tasks of a worker at once"),
        Key("host_max_age", "duration", "worker", "how long an imported flow is used"),
    )
}


def near(word: str, known: Iterable[str]) -> str:
    """A hint: what may have been meant by a word that is not known, or what there is."""
    import difflib

    known = sorted(known)
    found = difflib.get_close_matches(word.replace("-", "_"), known, 1, 0.6) or difflib.get_close_matches(
        word, known, 1
    )
    if found:
        return f"did you mean '{found[0]}'?"
    return f"known: {', '.join(known)}" if known else ""
