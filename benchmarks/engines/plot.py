"""Draw the figures as bars, a panel for each work: run by an interpreter that has Matplotlib, the figures on stdin."""

import json
import sys

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

OURS, ISOLATES, SHARES = "#0b7285", "#868e96", "#ced4da"


def main() -> None:
    """Read, draw, write."""
    given = json.load(sys.stdin)
    medians, isolating = given["medians"], set(given["isolating"])
    mpl.rcParams.update({"svg.hashsalt": "mftctl", "font.size": 9})
    figure, panels = plt.subplots(len(medians), 1, figsize=(8, 2.9 * len(medians)))
    for panel, (work, by_column) in zip(panels, medians.items(), strict=True):
        rows = sorted(by_column.items(), key=lambda row: row[1], reverse=True)
        colours = [_colour(name, isolating) for name, _ in rows]
        bars = panel.barh([name for name, _ in rows], [seconds for _, seconds in rows], color=colours)
        panel.bar_label(bars, fmt="%.2g s", padding=3)
        panel.set_title(work, loc="left", fontweight="bold")
        panel.set_xscale("log")
        panel.margins(x=0.12)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    figure.text(
        0.01, 0.003, "Seconds, logarithmic. Dark: a process for each task. Light: tasks share processes."
    )
    figure.tight_layout(rect=(0, 0.01, 1, 1))
    figure.savefig(given["out"], metadata={"Date": None})


def _colour(name: str, isolating: set[str]) -> str:
    if name.startswith("mftctl"):
        return OURS
    return ISOLATES if name in isolating else SHARES


if __name__ == "__main__":
    main()
