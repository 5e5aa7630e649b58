"""What a worker declares of itself, for `mftctl workers list`.

A heartbeat of Temporal's SDK has no field for it, but the names of the worker's plugins: one of them is this text.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from .codec import from_plain
from .resources import Resources

#: Seconds between two heartbeats of a worker of mftctl, and of the SDK where nothing is set.
HEARTBEAT, SDK_HEARTBEAT = 10.0, 60.0
_HEAD = "mftctl "


@dataclass(frozen=True)
class Declaration:
    """``version``: that of mftctl; ``slots``: tasks at once; ``heartbeat``: seconds between two heartbeats.

    ``machine``: what tasks with @resources may take of its machine; nothing where nothing is counted.
    """

    version: str = ""
    slots: int = 0
    heartbeat: float = SDK_HEARTBEAT
    machine: Resources | None = None

    def to_text(self) -> str:
        """One line, with everything as JSON."""
        return _HEAD + json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Declaration | None:
        """The declaration that a line holds, without keys of a later version; None if it holds none."""
        if not text.startswith(_HEAD):
            return None
        try:
            plain: dict[str, Any] = json.loads(text[len(_HEAD) :])
            return cls(
                version=str(plain.get("version", cls.version)),
                slots=int(plain.get("slots", cls.slots)),
                heartbeat=float(plain.get("heartbeat", cls.heartbeat)),
                machine=from_plain(Resources, plain["machine"]) if plain.get("machine") else None,
            )
        except (ValueError, TypeError, AttributeError):
            return None
