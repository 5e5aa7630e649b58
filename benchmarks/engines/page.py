"""The figures in docs/explanation/performance.md, and their plot."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from contenders import CONTENDERS, ROOT
from work import PROCESSES, THREADS, WORKS

PAGE = ROOT / "docs" / "explanation" / "performance.md"
PLOT = ROOT / "docs" / "assets" / "performance.svg"
BEGIN, END = "<!-- made by ./just bench: begin -->", "<!-- made by ./just bench: end -->"

Medians = Mapping[str, Mapping[str, float]]  # seconds by work, by column


def write(medians: Medians, left_out: Mapping[str, str], machine: str, plotter: Path) -> None:
    """Put the table and the notes between the page's marks, and draw the plot with the interpreter `plotter`."""
    text = "\n".join([BEGIN, "", *table(medians), "", *notes(left_out, machine), "", END])
    around = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    PAGE.write_text(around.sub(lambda _: text, PAGE.read_text()))
    drawn = {"medians": medians, "isolating": _isolating(), "out": str(PLOT)}
    script = Path(__file__).with_name("plot.py")
    subprocess.run([plotter, script], input=json.dumps(drawn), text=True, check=True)


def table(medians: Medians) -> list[str]:
    """Contenders down, works across: seconds, and times what mftctl takes."""
    lines = [
        "| engine | each task isolated by | what it keeps | "
        + " | ".join(work.name for work in WORKS)
        + " |",
        "|---|---|---|" + "---|" * len(WORKS),
    ]
    for contender in CONTENDERS:
        for column in contender.columns:
            cells = [_cell(medians.get(work.name, {}), column) for work in WORKS]
            if any(cell != "-" for cell in cells):
                lines.append(
                    f"| {column} | {contender.isolates} | {contender.keeps} | " + " | ".join(cells) + " |"
                )
    return lines


def _cell(by_column: Mapping[str, float], column: str) -> str:
    if column not in by_column:
        return "-"
    seconds = f"{by_column[column]:.2f} s" if by_column[column] < 10 else f"{by_column[column]:.0f} s"
    if column == "mftctl" or "mftctl" not in by_column:
        return seconds
    return f"{seconds} ({by_column[column] / by_column['mftctl']:.1f} x)"


def notes(left_out: Mapping[str, str], machine: str) -> list[str]:
    """Machine, versions, and who is missing why."""
    packages = sorted({package for contender in CONTENDERS for package in contender.packages})
    lines = [
        f"Machine: {machine}. Engines with a process for each task run {PROCESSES} at once, the others {THREADS}.",
        f"Versions: {', '.join(packages)}; Temporal's SDK and server and Metaflow as `requirements/dev.txt` pins them.",
    ]
    lines += [f"Left out: {name}: {reason.splitlines()[0]}." for name, reason in left_out.items()]
    return lines


def _isolating() -> list[str]:
    return [
        column
        for contender in CONTENDERS
        if not contender.isolates.startswith("nothing")
        for column in contender.columns
    ]
