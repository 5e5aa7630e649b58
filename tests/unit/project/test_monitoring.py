"""The page on monitoring, the alert rules and the dashboard say what there is."""

from __future__ import annotations

import re
from pathlib import Path

from monitoring import dashboard, expressions, rules, selectors

from mftctl.worker.metrics import MAX_STEPS, METRICS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "monitoring.md").read_text("utf-8")


def test_the_page_lists_each_metric() -> None:
    """With its kind, labels and meaning, as in the code; and how many steps have series of their own."""
    rows = [f"| `{one.name}` | {one.kind} | {', '.join(one.labels)} | {one.help} |" for one in METRICS]
    assert re.findall(r"^\| `mftctl_.*", PAGE, re.MULTILINE) == rows
    assert f"the first {MAX_STEPS} steps" in PAGE


def test_the_page_lists_each_alert() -> None:
    """And no other."""
    names = [rule["alert"] for rule in rules()]
    assert sorted(re.findall(r"`(Mftctl\w+)`", PAGE)) == sorted(names)


def test_each_expression_is_promql() -> None:
    """And reads a metric."""
    for expression in expressions():
        assert selectors(expression), expression


def test_each_alert_says_what_is_wrong() -> None:
    """A severity, and a summary and a description for people."""
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    """Each has an id and a place of its own, and the data source that is chosen."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert {panel["datasource"]["uid"] for panel in panels if "targets" in panel} == {"${datasource}"}
