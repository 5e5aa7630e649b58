"""How long `dist/mftctl` keeps a user waiting before it does anything: the best and the median of several starts."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ZIPAPP = Path(__file__).resolve().parents[1] / "dist" / "mftctl"
WARM_STARTS = 15
FIRST_STARTS = 3


def main() -> None:
    print(f"{ZIPAPP.stat().st_size / 1e6:.1f} MB, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as folder:
        fresh = [Path(folder) / str(number) for number in range(FIRST_STARTS)]
        report("first start (unpacks)", [seconds([ZIPAPP, "--version"], cache) for cache in fresh])
        warm = fresh[0]
        for name, arguments in {
            "python -c pass": ["-c", "pass"],
            "python -c 'import cyclopts'": ["-c", "import cyclopts"],
            "mftctl --version": [ZIPAPP, "--version"],
            "mftctl --help": [ZIPAPP, "--help"],
        }.items():
            seconds(arguments, warm)
            report(name, [seconds(arguments, warm) for _ in range(WARM_STARTS)])


def seconds(arguments: list[str | Path], cache: Path) -> float:
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    before = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
    return time.perf_counter() - before


def report(name: str, measured: list[float]) -> None:
    print(f"{name:30} {min(measured) * 1000:7.0f} ms  (median {statistics.median(measured) * 1000:.0f})")


if __name__ == "__main__":
    main()
