"""The graph of a run as SVG: steps in layers, coloured by state."""

from __future__ import annotations

from html import escape
from itertools import pairwise

from ..console.text import format_duration
from ..control.runs.record import StepRecord
from ..model.graph import ordered_steps
from ..model.manifest import Manifest, Step

WIDTH, HEIGHT, GAP, BETWEEN, MARGIN = 204, 46, 18, 30, 6
#: Most characters of a step's name and of its details.
MAX_NAME, MAX_DETAILS = 24, 31
#: A slot in a layer: a step's name, or the two ends of an edge that passes through the layer.
Slot = str | tuple[str, str]


def svg(manifest: Manifest, steps: dict[str, StepRecord], seconds: dict[str, float | None]) -> str:
    """The drawing; ``seconds``: time of each step."""
    layers, loops = _layers(manifest)
    places = _places(layers)
    width = max(x for x, _ in places.values()) + WIDTH + 2 * MARGIN
    height = len(layers) * (HEIGHT + BETWEEN) - BETWEEN + 2 * MARGIN
    edges = []
    for name, step in manifest.graph.items():
        for following in step.next:
            if (name, following) in loops:
                edges.append(_back(places[name], places[following]))
                continue
            passing = [slot for layer in layers for slot in layer if slot == (name, following)]
            ways = [places[name], *(places[slot] for slot in passing), places[following]]
            edges += [_edge(one, other, other is not ways[-1]) for one, other in pairwise(ways)]
    boxes = [_box(places[name], steps[name], seconds.get(name)) for name in manifest.graph]
    label = f"Graph of {escape(manifest.flow)}"
    head = f'<svg role="img" aria-label="{label}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return f"{head}{''.join(edges)}{''.join(boxes)}</svg>"


def _layers(manifest: Manifest) -> tuple[list[list[Slot]], set[tuple[str, str]]]:
    """Layers of steps by their distance from the start, with slots for passing edges; and the edges of loops."""
    order = ordered_steps(manifest)
    place = {name: index for index, name in enumerate(order)}
    graph = manifest.graph
    loops = {(one, other) for one in order for other in graph[one].next if place[other] <= place[one]}
    ranks = dict.fromkeys(order, 0)
    for name in order:
        for following in graph[name].next:
            if (name, following) not in loops:
                ranks[following] = max(ranks[following], ranks[name] + 1)
    layers: list[list[Slot]] = [[] for _ in range(max(ranks.values()) + 1)]
    for name in order:
        layers[ranks[name]].append(name)
        for following in graph[name].next:
            for rank in range(ranks[name] + 1, ranks[following]):
                layers[rank].append((name, following))
    before: dict[Slot, float] = {slot: index for index, slot in enumerate(layers[0])}
    for upper, layer in pairwise(layers):
        layer.sort(key=lambda slot: _middle(slot, upper, graph, before))
        before |= {slot: float(index) for index, slot in enumerate(layer)}
    return layers, loops


def _middle(slot: Slot, upper: list[Slot], graph: dict[str, Step], before: dict[Slot, float]) -> float:
    """The mean position of the slots in the layer above that lead to this one."""
    if isinstance(slot, tuple):
        return before[slot if slot in upper else slot[0]]
    found = [
        before[one]
        for one in upper
        if (isinstance(one, tuple) and one[1] == slot) or (isinstance(one, str) and slot in graph[one].next)
    ]
    return sum(found) / len(found) if found else 0.0


def _places(layers: list[list[Slot]]) -> dict[Slot, tuple[int, int]]:
    """Left upper corners; each layer is centred."""
    widths = [sum(_width(slot) + GAP for slot in layer) - GAP for layer in layers]
    places: dict[Slot, tuple[int, int]] = {}
    for index, layer in enumerate(layers):
        x = MARGIN + (max(widths) - widths[index]) // 2
        for slot in layer:
            # A passing edge is in the middle of its slot.
            shift = 0 if isinstance(slot, str) else (_width(slot) - WIDTH) // 2
            places[slot] = (x + shift, MARGIN + index * (HEIGHT + BETWEEN))
            x += _width(slot) + GAP
    return places


def _width(slot: Slot) -> int:
    return WIDTH if isinstance(slot, str) else 30


def _edge(one: tuple[int, int], other: tuple[int, int], passes: bool) -> str:
    x, y, to_x, to_y = one[0] + WIDTH // 2, one[1] + HEIGHT, other[0] + WIDTH // 2, other[1]
    bend = (to_y - y) // 2
    on = f"V{to_y + HEIGHT}" if passes else ""
    return f'<path d="M{x} {y}C{x} {y + bend} {to_x} {to_y - bend} {to_x} {to_y}{on}"/>'


def _back(one: tuple[int, int], other: tuple[int, int]) -> str:
    """An edge of a loop, along the left side."""
    x, y, to_x, to_y = one[0], one[1] + HEIGHT // 2, other[0], other[1] + HEIGHT // 2
    if one == other:
        y, to_y = y + 10, to_y - 10
    side = max(0, min(x, to_x) - 16)
    return f'<path stroke-dasharray="4 3" d="M{x} {y}C{side} {y} {side} {to_y} {to_x} {to_y}"/>'


def _box(place: tuple[int, int], step: StepRecord, seconds: float | None) -> str:
    x, y = place
    name = step.name if len(step.name) <= MAX_NAME else step.name[: MAX_NAME - 1] + "…"
    details = [f"{step.done}/{step.known}"] if step.known else ["not reached"]
    details += [format_duration(seconds)] if seconds is not None else []
    details += [f"{step.counts['failed']} failed"] if step.counts.get("failed") else []
    details += [f"{step.retries} retried"] if step.retries else []
    whole = ", ".join(details)
    while len(" · ".join(details)) > MAX_DETAILS:
        details.pop()
    share = round((WIDTH - 4) * step.done / step.known) if step.known else 0
    return (
        f'<g class="{step.state}"><title>{escape(step.name)}: {step.state}, {whole}</title>'
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<rect class="bar" x="{x + 2}" y="{y + HEIGHT - 6}" width="{share}" height="4" rx="2"/>'
        f'<text x="{x + 10}" y="{y + 18}">{escape(name)}</text>'
        f'<text class="sub" x="{x + 10}" y="{y + 34}">{" · ".join(details)}</text></g>'
    )
