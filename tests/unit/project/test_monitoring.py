"""The page on monitoring, the alert rules and the dashboard say what there is."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

from monitoring import dashboard, expressions, rules, selectors

from mftctl.console.log_lines import LogLine
from mftctl.console.output import SCHEMA_VERSION, to_json
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


def test_the_page_lists_each_key_of_a_log_line() -> None:
    """And its example is a line."""
    section = PAGE.partition("## The log")[2].partition("## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    assert [key for row in rows for key in re.findall(r"`(\w+)`", row)] == [
        one.name for one in fields(LogLine)
    ]
    (example,) = re.findall(r"^\{.*\}$", section, re.MULTILINE)
    given = json.loads(example)
    assert given.pop("schema_version") == SCHEMA_VERSION
    assert to_json(LogLine(**given)) == given
