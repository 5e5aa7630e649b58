"""A flow's graph as text: one line for each step, with rails for branches."""

from __future__ import annotations

from dataclasses import dataclass

from .manifest import Manifest

_OPENS = ("split", "foreach", "split-switch")


@dataclass(frozen=True)
class GraphLine:
    """A step: the rail before its name, and the steps that it leads to, unless that is the line below."""

    step: str
    rail: str
    leads: str


def graph_lines(manifest: Manifest, ascii_only: bool = False) -> list[GraphLine]:
    """The lines of the steps, each after those that lead to it; ``ascii_only``: without box characters."""
    bar, branch = ("|  ", "|- ") if ascii_only else ("│  ", "├─ ")
    arrow = "->" if ascii_only else "→"
    graph, order = manifest.graph, ordered_steps(manifest)
    depths = _depths(manifest, order)
    lines = []
    for index, name in enumerate(order):
        depth, step = depths[name], graph[name]
        opened = any(
            graph[one].type in _OPENS and name in graph[one].next and depths[one] < depth for one in order
        )
        rail = bar * (depth - 1) + branch if depth and opened else bar * depth
        below = order[index + 1] if index + 1 < len(order) else None
        targets = [] if step.type in {"split", "foreach"} or step.next == (below,) else list(step.next)
        # The rails show that the last step of a branch leads to the join below.
        if len(targets) == 1 and graph[targets[0]].type == "join":
            targets = []
        lines.append(GraphLine(name, rail, f"{arrow} {', '.join(targets)}" if targets else ""))
    return lines


def markdown(lines: list[GraphLine], counts: dict[str, dict[str, int]]) -> str:
    """The graph with the state and the task counts of each step, as Markdown for Temporal's UI."""
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
        tally = f"  {done}/{known}" if known else ""
        rows.append(f"{line.rail}{mark} {line.step}{tally}{'  ' + line.leads if line.leads else ''}")
    return "\n".join(("```", *rows, "```"))


def ordered_steps(manifest: Manifest) -> tuple[str, ...]:
    """The steps in the order of a run: each after those that lead to it, except in loops."""
    graph = manifest.graph
    waiting = [(manifest.start, iter(reversed(graph[manifest.start].next)))]
    visited, found = {manifest.start}, list[str]()
    while waiting:
        name, following = waiting[-1]
        for step in following:
            if step not in visited:
                visited.add(step)
                waiting.append((step, iter(reversed(graph[step].next))))
                break
        else:
            found.append(name)
            waiting.pop()
    return tuple(reversed(found))


def _depths(manifest: Manifest, order: tuple[str, ...]) -> dict[str, int]:
    """The number of splits, foreaches and switches that are open at each step."""
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
        # A switch is closed where its branches meet.
        depths[name] = min(offered, default=0) - (len(offered) > 1)
    return depths
