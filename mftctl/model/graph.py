"""A flow's graph in order, and as lines of text: a step a line, with rails for what runs side by side."""

from __future__ import annotations

from dataclasses import dataclass

from .manifest import Manifest

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


def details(lines: list[Line], counts: dict[str, dict[str, int]]) -> str:
    """The graph with each step's state and counts of tasks, as Markdown for Temporal's UI."""
    rows = []
    for line in lines:
        of = counts.get(line.step, {})
        done, known = of.get("done", 0), of.get("known", 0)
        if of.get("failed"):
            mark = "✗"
        elif of.get("running"):
            mark = "▸"
        else:
            mark = " " if not known else "✓" if done == known else "·"
        told = f"  {done}/{known}" if known else ""
        rows.append(f"{line.rail}{mark} {line.step}{told}{'  ' + line.leads if line.leads else ''}")
    return "\n".join(("```", *rows, "```"))


def in_order(manifest: Manifest) -> tuple[str, ...]:
    """The steps as a run comes to them: each after those that lead to it, loops aside."""
    graph = manifest.graph
    waiting = [(manifest.start, iter(reversed(graph[manifest.start].next)))]
    seen, found = {manifest.start}, list[str]()
    while waiting:
        name, following = waiting[-1]
        for step in following:
            if step not in seen:
                seen.add(step)
                waiting.append((step, iter(reversed(graph[step].next))))
                break
        else:
            found.append(name)
            waiting.pop()
    return tuple(reversed(found))


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
