"""The tutorial of docs/tutorial: a reader who does what its pages say sees what they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ports import free_port
from reader import Reader

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "tutorial").glob("[1-4]-*.md"))


def test_a_reader_of_the_tutorial_sees_what_it_shows(served, wait_until) -> None:
    """Each command ends as its page says, and prints the lines that the page shows; page 5: test_compose_topology."""
    assert len(PAGES) == 4
    port = free_port()
    reader = Reader(replace(served, env={**served.env, "METAFLOW_USER": "ada"}), "ShopFlow", wait_until)
    try:
        for page in PAGES:
            reader.follow(page, port)
    finally:
        served.run("deployments", "delete", "ShopFlow", "--yes")
