"""What `python flow.py run` leaves behind, kept in files: a case runs again only when what it is made from changes.

`references/<metaflow version>-py<Python version>/<case>.json` is committed. A file names the digest of what its dump is
made from: the case, the flow and what it imports or reads of the suite's folder, and how a run is read.
`./just references` makes them anew, and `./just soak` holds all of them against new runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .catalogue import FLOWS, FlowCase
from .harness import HarnessError, Stage, dump, reference

Dump = dict[str, Any]
KEPT = Path(__file__).resolve().parent / "references"
#: How a run is read is a part of what is kept.
READ_BY = ("dump.py", "canonical.py")
#: Folders beside the flows: they count for the flows that name them.
FOLDERS = ("data", "helpers")
#: Cases whose dumps are megabytes: they are run each time.
LARGE = ("logs_big",)


def digest(case: FlowCase, flows: Path, beside: Path = FLOWS) -> str:
    """Digest of all that a case's reference is made from, but for the versions of Python and its packages.

    ``flows``: the folder where it runs; ``beside``: the one that its folders were copied from, to which runs add none.
    """
    found = hashlib.sha256(repr((case, sorted(case.args.items()))).encode())
    source = (flows / case.file).read_bytes()
    found.update(source)
    named = source.decode() + repr(case)
    for name in READ_BY:
        found.update((Path(__file__).parent / name).read_bytes())
    for folder in FOLDERS:
        if f"{folder}/" in named or f"{folder}." in named:
            for file in sorted((beside / folder).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    found.update(str(file.relative_to(beside)).encode() + file.read_bytes())
    return found.hexdigest()[:16]


class References:
    """Dumps of local runs: kept ones, and others made once for all processes of a session, two at a time.

    `insist`: where references are kept for the flows' Python and Metaflow, that of every case must be, and must be of
    what is there now. `refresh`: keep what is missing or of another flow (`stale`), or all, anew.
    """

    def __init__(self, stage: Stage, session: Path, *, insist: bool = False, refresh: str = "") -> None:
        self.stage = stage
        self.session = session
        self.insist = insist
        self.refresh = refresh
        self.kept = KEPT / f"{stage.metaflow}-py{stage.python_version}"
        self.pool = ThreadPoolExecutor(max_workers=2)
        self.made: dict[str, Future[Dump]] = {}

    def __call__(self, case: FlowCase) -> Dump:
        """Give a case's reference dump."""
        return self.start(case).result()

    def start(self, case: FlowCase) -> Future[Dump]:
        """Have a case's reference made, if it is neither kept nor being made."""
        if case.name not in self.made:
            self.made[case.name] = self.pool.submit(self._found, case)
        return self.made[case.name]

    def make(self, case: FlowCase) -> Dump:
        """Run a case as `python flow.py run` and dump it."""
        env = self.stage.environment()
        return dump(reference(case, self.stage, env), self.stage, env)

    def keep(self, case: FlowCase, made: Dump) -> None:
        """Keep a dump for the sessions to come."""
        self.kept.mkdir(parents=True, exist_ok=True)
        text = json.dumps(made, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        told = f'{{"digest":"{digest(case, self.stage.flows)}","dump":\n{text}}}\n'
        self._file(case).write_text(told, encoding="utf-8")

    def found(self, case: FlowCase) -> Dump | None:
        """Give the kept dump of a case, if it is of what is there now."""
        try:
            kept = json.loads(self._file(case).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        made: Dump = kept["dump"]
        return made if kept["digest"] == digest(case, self.stage.flows) else None

    def _file(self, case: FlowCase) -> Path:
        return self.kept / f"{case.name}.json"

    def _found(self, case: FlowCase) -> Dump:
        if case.name in LARGE:
            return self._made(case)
        kept = self.found(case)
        if self.refresh == "all" or (self.refresh and kept is None):
            made = self._made(case)
            self.keep(case, made)
            return made
        if kept is not None:
            return kept
        if self.insist and self.kept.exists():
            raise HarnessError(
                f"{case.name}: {self._file(case)} is missing, or of another flow than is there now; run "
                "`./just references` and commit what it writes"
            )
        return self._made(case)

    def _made(self, case: FlowCase) -> Dump:
        file = self.session / f"{case.name}.json"
        with (self.session / f"{case.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                file.write_text(json.dumps(self.make(case)), encoding="utf-8")
            made: Dump = json.loads(file.read_text(encoding="utf-8"))
            return made


def references_of(stage: Stage, session: Path, config: pytest.Config) -> References:
    """References as this session wants them: in CI those of the usual tests must be kept."""
    session.mkdir(exist_ok=True)
    insist = os.environ.get("CI") == "true" and "not soak" in config.option.markexpr
    return References(stage, session, insist=insist, refresh=os.environ.get("MFTCTL_FIDELITY_REFRESH", ""))
