"""A flow's graph as lines of text: a step a line, with rails for what runs side by side."""

from __future__ import annotations

from dataclasses import dataclass

from ..manifest import Manifest
from .view import in_order

_OPENS = ("split", "foreach", "split-switch")


@dataclass(frozen=True)
class Line:
    """A step: the rail before its name, and where it goes when that is not the line below."""

    step: str
    rail: str
    leads: str


def drawn(manifest: Manifest, ascii_only: bool = False) -> list[Line]:
    """The steps, each after those that lead to it; ``ascii_only``: for terminals that have no box characters."""
    bar, branch = ("|  ", "|- ") if ascii_only else ("│  ", "├─ ")
    arrow = "->" if ascii_only else "→"
    graph, order = manifest.graph, in_order(manifest)
    depths = _depths(manifest, order)
    lines = []
    for index, name in enumerate(order):
        depth, step = depths[name], graph[name]
        opened = any(
            graph[one].type in _OPENS and name in graph[one].next and depths[one] < depth for one in order
        )
        rail = bar * (depth - 1) + branch if depth and opened else bar * depth
        below = order[index + 1] if index + 1 < len(order) else None
        told = [] if step.type in {"split", "foreach"} or step.next == (below,) else list(step.next)
        # What a branch's last step leads to, the join below, is seen from the rails.
        if len(told) == 1 and graph[told[0]].type == "join":
            told = []
        lines.append(Line(name, rail, f"{arrow} {', '.join(told)}" if told else ""))
    return lines


def _depths(manifest: Manifest, order: tuple[str, ...]) -> dict[str, int]:
    """How many splits, foreaches and switches are open at each step."""
    graph = manifest.graph
    place = {name: index for index, name in enumerate(order)}
    depths: dict[str, int] = {}
    for name in order:
        step = graph[name]
        before = [one for one in order if name in graph[one].next and place[one] < place[name]]
        if step.type == "join" and step.split in depths:
            depths[name] = depths[str(step.split)]
            continue
        offered = [depths[one] + (graph[one].type in _OPENS) for one in before]
        # Where the ways of a switch meet again, it is closed.
        depths[name] = min(offered, default=0) - (len(offered) > 1)
    return depths
