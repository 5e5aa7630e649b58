"""The page of a run, made of records as histories give them: numbers, form, and what a browser makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Browser

from mftctl.console.output import Time
from mftctl.control.runs.record import AttemptRecord, RunRecord, TaskRecord
from mftctl.model.manifest import Launch, Manifest, Package, Step
from mftctl.report import page
from mftctl.report.timeline import _lanes
from mftctl.results.run_results import HandlerRun, Links, RunDetails, StepDetails, TaskCounts

#: Of the screen, by how many tasks the page has.
WIDTHS = {10: (400, 700, 1000, 1600), 5000: (400, 1600)}
VOID = {"meta", "link", "br", "img", "hr", "input"}
EVIL = "<script>alert('&')</script>"


def record(splits: int) -> RunRecord:
    """A run in which a foreach of that width went well but for split 3, which was lost, failed, and failed again."""
    steps = (
        Step("start", "split", ("a_step_with_quite_a_long_name", "fan")),
        Step("a_step_with_quite_a_long_name", "linear", ("both",)),
        Step("fan", "foreach", ("body",), join="join"),
        Step("body", "linear", ("join",)),
        Step("join", "join", ("both",), split="fan"),
        Step("both", "join", ("again",), split="start"),
        Step("again", "split-switch", ("again", "end")),
        Step("end", "end"),
    )
    package = Package("sha", "url", "meta")
    launch = Launch("Wide", "wide.py", package, "python", "local", "local", "/", "local", "null", "null")
    made = RunRecord(Manifest("Wide", launch, "start", "end", steps, "queue", "me"))
    add(made, "start", "start", 0.0, [AttemptRecord(0, "done", 0.5, 1.0)])
    add(made, "fan", "fan", 1.0, [AttemptRecord(0, "done", 1.0, 2.0)]).widens = {"body": splits}
    for index in range(splits):
        began = 2.0 + index // 100
        attempts = [AttemptRecord(0, "done", began, began + 0.5 + index % 7 / 20)]
        if index == 3:
            attempts = [
                AttemptRecord(0, "lost", began, began + 0.2),
                AttemptRecord(1, "failed", began + 0.3, began + 0.5, message=f"first {EVIL}"),
                AttemptRecord(2, "failed", began + 0.6, began + 0.9),
            ]
        task = add(made, "body", f"body[{index}]", 2.0, attempts)
        if index == 3:
            task.state, task.message, task.log = "failed", f"ValueError: {EVIL}", ("one", EVIL, "x" * 500)
        else:
            task.artifacts = ("got", "model")
    return made


def add(
    made: RunRecord, step: str, label: str, scheduled: float, attempts: list[AttemptRecord]
) -> TaskRecord:
    state: Any = attempts[-1].state
    task = TaskRecord(
        "task", step, f"temporal-{label}", label, scheduled, state, attempts, attempts[-1].ended
    )
    made.tasks[label] = task
    return task


def html(splits: int) -> str:
    made = record(splits)
    done, known = made.tally()
    counts = {"known": 1, "done": 1, "running": 0, "failed": 0, "cancelled": 0, "kept": 0, "retries": 0}
    steps = tuple(
        StepDetails(
            step=name, type="linear", next=(), state="done", began=None, ended=None, seconds=1.0, **counts
        )
        for name in made.manifest.graph
    )
    undo = HandlerRun(
        name="undo", task="1", label="undo", state="done", began=None, seconds=0.1, message=EVIL
    )
    run = RunDetails(
        run_id="temporal-wide-1",
        flow="Wide",
        pathspec="Wide/temporal-wide-1",
        status="failed",
        started=Time("2026-01-01T00:00:00.000Z"),
        ended=None,
        seconds=60.0,
        deployment="Wide",
        version="1",
        owner="me",
        tags=(EVIL, "t" * 300),
        origin=None,
        resumed=1,
        parameters={"where": EVIL + "y" * 400},
        tasks=TaskCounts(done=done, known=known),
        failed_step=None,
        problem=None,
        delays=(),
        task_queue="wide",
        worker=None,
        worker_version=None,
        steps=steps,
        failure=None,
        pending=(),
        links=Links(temporal=None, client='metaflow.Run("Wide/temporal-wide-1")'),
        compensations=(undo,),
        hooks=(),
    )
    return page.html(run, made, {}, 100.0)


class Form(HTMLParser):
    """Reads a page and knows whether each element is closed, and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.links += [str(value) for name, value in attrs if name in {"src", "href", "xlink:href"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("splits", [10, 5000])
def test_the_page_is_whole_and_its_numbers_are_right(splits: int) -> None:
    """Each element is closed, nothing is asked of the network, every attempt is drawn, and text stays text."""
    text = html(splits)
    form = Form(text)
    assert not form.open
    assert form.links == ["data:,"]
    assert not re.search(r"https?://|url\(|@import|<script", text)
    words = " ".join(form.text)
    assert f"{splits + 1} of {splits + 2} done" in words
    assert f"{splits} tasks, 2 more attempts" in words
    assert EVIL in words
    bars = [attributes["class"] for tag, attributes in form.elements if tag == "i" and "title" in attributes]
    count = {state: bars.count(state) for state in set(bars)}
    assert count == {"done": splits + 1, "failed": 1, "lost": 1, "retried": 1}
    assert len(text) < 1_500_000


def test_attempts_that_overlap_have_lanes_of_their_own() -> None:
    """A lane is taken anew as soon as it is free, so a row is as high as tasks ran at once."""
    assert _lanes([(0, 2), (1, 3), (2, 4), (2.5, 5), (4, 6)]) == [0, 1, 0, 2, 0]


def test_what_a_step_has_come_to() -> None:
    """Known tasks are those that the foreach has opened, also where they have not begun; retries are counted."""
    made = record(10)
    del made.tasks["body[9]"]
    body = made.steps()["body"]
    assert (body.known, body.done, body.state, body.retries) == (10, 8, "failed", 2)
    assert made.steps()["end"].state == "none"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("browser"))
    yield found
    found.close()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on PATH")
@pytest.mark.parametrize("splits", [10, 5000])
def test_a_browser_shows_the_page_on_any_screen(tmp_path: Path, browser: Browser, splits: int) -> None:
    """No request, no word on the console, nothing wider than the screen, in light and in dark."""
    file = tmp_path / "report.html"
    file.write_text(html(splits), encoding="utf-8")
    for scheme in ("light", "dark"):
        browser.show(scheme, WIDTHS[splits][0])
        browser.open(file)
        for width in WIDTHS[splits]:
            browser.show(scheme, width)
            assert browser.value("document.documentElement.scrollWidth") <= width
            assert browser.value("document.querySelectorAll('.time b > i').length") == splits + 4
            # What is cut off: text of a box in the graph that is wider than the box.
            wide = "[...document.querySelectorAll('svg g')].filter(g => g.getBBox().width > 206).length"
            assert browser.value(wide) == 0
        dark = browser.value("getComputedStyle(document.body).backgroundColor")
        assert (dark == "rgb(255, 255, 255)") == (scheme == "light")
        assert browser.requests == [file.as_uri()]
        assert browser.complaints == []
