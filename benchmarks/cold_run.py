"""`mftctl run` with nothing started before, its own Temporal server included, against `python FLOW run`, in turn."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "engines"))
import flows
from work import Work

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
WORKS = (
    Work("chain of 3", "chain", 3, 0),
    Work("chain of 10", "chain", 10, 0),
    Work("fan-out of 50", "fan", 50, 0),
)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        _, sources, env = flows.make_home(Path(folder))
        for work in WORKS:
            file = f"{work.flow}.py"
            (sources / file).write_text(flows.source(work))
            local, ours = [], []
            for _ in range(ROUNDS + 1):
                local.append(timed([sys.executable, file, "run"], sources, env))
                ours.append(timed([sys.executable, str(ROOT / "dist" / "mftctl"), "run", file], sources, env))
            one, other = statistics.median(local[1:]), statistics.median(ours[1:])
            print(f"{work.name}: python {one:.2f} s; mftctl run {other:.2f} s (ratio {other / one:.2f})")


def timed(command: list[str], folder: Path, env: dict[str, str]) -> float:
    """Wall time of a command that must end well."""
    began = time.perf_counter()
    subprocess.run(
        command, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
