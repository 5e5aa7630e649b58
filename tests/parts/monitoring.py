"""The expressions of the alert rules and the dashboard in packaging/monitoring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "packaging" / "monitoring"
#: What Grafana puts in, as Prometheus reads it.
INTERVAL = {"$__rate_interval": "5m"}


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    import yaml

    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    read: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    return read


def expressions() -> list[str]:
    """All expressions, as Prometheus gets them."""
    panels = dashboard()["panels"]
    shown = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    for name, value in INTERVAL.items():
        shown = [one.replace(name, value) for one in shown]
    return [*(rule["expr"] for rule in rules()), *shown]


def selectors(expression: str) -> list[Any]:
    """What an expression reads; ValueError where it is no PromQL."""
    import promql_parser

    found: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        elif isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return list({str(one): one for one in found}.values())
