"""Compile a flow: run `inside.py` in the flow's interpreter and take its answer."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from ..codec import to_plain
from ..errors import Exit, MftctlError
from ..flowhost import interpreter
from ..manifest import Manifest
from .options import Options

_EXITS = {"usage": Exit.USAGE, "python.metaflow": Exit.CONFLICT}


def compile_flow(file: Path, options: Options, python: str, cache: Path) -> Manifest:
    """The Manifest of the flow in ``file``, its code saved in its datastore. MftctlError says what is wrong with it."""
    if not file.is_file():
        raise MftctlError(f"{file}: no such file", exit=Exit.USAGE, code="flow.missing")
    request = {"file": str(file.resolve()), "options": to_plain(options), "cache": str(cache)}
    answer = _ask(python, request)
    if "error" in answer:
        code = _EXITS.get(answer["code"], Exit.FAILED)
        raise MftctlError(answer["error"], exit=code, code=answer["code"], hint=answer["hint"])
    return Manifest.from_plain(answer["manifest"])


def _ask(python: str, request: dict[str, Any]) -> dict[str, Any]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = interpreter.start(python, "compile", theirs, {"METAFLOW_RUNTIME_NAME": "temporal"})
        theirs.close()
        ours.sendall(json.dumps(request).encode() + b"\n")
        answer = b"".join(iter(lambda: ours.recv(65536), b""))
        code = process.wait()
    if not answer:
        raise MftctlError(
            f"the flow's interpreter {python} ended with code {code} while compiling", code="python.died"
        )
    loaded: dict[str, Any] = json.loads(answer)
    return loaded
