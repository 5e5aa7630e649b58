"""mftctl beside other engines, doing the same work on the same machine: `python benchmarks/compare.py --help`.

All contenders are started and warm; in each round each one runs the work once, one after the other, so that what else
the machine does touches all alike. Each that is not of this project gets an environment of its own with pip, kept in
`~/.cache/mftctl-bench`; one that does not install or start is left out, with its reason. The medians go into
docs/explanation/performance.md and its plot. METAFLOW_TEMPORAL names a checkout of npow/metaflow-temporal.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import venv
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "engines"))
import flows
import page
from contenders import CONTENDERS, MFTCTL, Contender, Runner, Stage
from work import WORKS, Work

CACHE = Path.home() / ".cache" / "mftctl-bench"
# A work that would take a contender longer than this is left out for it, judged by its fan-out of 50.
PATIENCE = 120.0
PLOTTER = ("matplotlib==3.11.2",)

Seconds = dict[str, dict[str, list[float]]]  # by work, by column


def main() -> None:
    """Measure, print, and write the page; with chosen contenders or works only print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    for flag, names in (
        ("--only", [one.name for one in CONTENDERS]),
        ("--works", [one.flow for one in WORKS]),
    ):
        parser.add_argument(flag, nargs="+", choices=names, default=names)
    wanted = parser.parse_args()
    contenders = [one for one in CONTENDERS if one.name in wanted.only]
    works = [one for one in WORKS if one.flow in wanted.works]
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    seconds: Seconds = defaultdict(lambda: defaultdict(list))
    left_out: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder)) as shared, ExitStack() as stack:
        running: list[tuple[Contender, Runner]] = []
        for contender in contenders:
            try:
                python = environment(contender.name, contender.packages)
                running.append((contender, stack.enter_context(contender.start(shared, python))))
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                left_out[contender.name] = str(error)
                print(f"{contender.name}: left out: {error}")
        for work in works:
            measure(work, running, wanted.rounds, seconds, left_out)
        # Before the contenders are ended: one that does not end must not cost the figures.
        medians = {work: {c: statistics.median(v) for c, v in by.items()} for work, by in seconds.items()}
        if contenders == list(CONTENDERS) and works == list(WORKS):
            page.write(medians, left_out, machine(), environment("plot", PLOTTER))


def measure(
    work: Work,
    running: list[tuple[Contender, Runner]],
    rounds: int,
    seconds: Seconds,
    left_out: dict[str, str],
) -> None:
    """Let each contender run the work once a round, and a first time that is not counted: caches, imports."""
    for number in range(rounds + 1):
        for contender, run in running:
            if contender.name in left_out or is_too_long(contender, work, seconds):
                continue
            try:
                took = run(work)
            except (RuntimeError, subprocess.SubprocessError) as error:
                left_out[contender.name] = f"{work.name}: {error}"
                print(f"{contender.name}: {work.name}: {error}")
                continue
            if number or max(took.values()) > PATIENCE / 4:
                for column, value in took.items():
                    seconds[work.name][column].append(value)
    print(
        f"{work.name}: " + ", ".join(f"{c} {statistics.median(v):.2f}" for c, v in seconds[work.name].items())
    )


def is_too_long(contender: Contender, work: Work, seconds: Seconds) -> bool:
    """Whether the contender has shown that it takes too long, or has taken long enough for one figure."""
    column = contender.columns[-1]
    taken = seconds[work.name].get(column)
    if taken and taken[0] > PATIENCE / 4:
        return True
    small = seconds["fan-out of 50 and join"].get(column)
    return work.size == 500 and small is not None and min(small) * 10 > PATIENCE


def environment(name: str, packages: tuple[str, ...]) -> Path:
    """The interpreter of an environment that has the packages; without any, of this one."""
    if not packages:
        return Path(sys.executable)
    folder = CACHE / name.split(maxsplit=1)[0].lower()
    stamp = folder / "packages"
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != repr(packages):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True, timeout=1200)
        stamp.write_text(repr(packages))
    return python


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """The flows, a home, and a Temporal server as `mftctl dev` starts it."""
    home, sources, env = flows.make_home(folder)
    flows.write(sources)
    command = [*MFTCTL, "dev", "--port", "0", "--ui-port", "0"]
    server = subprocess.Popen(
        command, cwd=sources, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        yield Stage(sources, home, address, {**env, "TEMPORAL_ADDRESS": address})
    finally:
        server.terminate()
        server.wait(60)


def machine() -> str:
    """The machine and the versions that matter to all."""
    names = {line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")}
    processor = names.pop() if names else platform.processor()
    return f"{os.cpu_count()} cores ({processor}), {platform.system()}, Python {platform.python_version()}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    main()
