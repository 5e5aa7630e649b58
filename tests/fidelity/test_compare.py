"""The comparer reports each kind of difference by its path, and nothing else."""

from __future__ import annotations

import copy
import enum
import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

from .canonical import Names, canonical, clean_log, stand_in
from .compare import Rules, differences


def attempt(**artifacts: Any) -> dict[str, Any]:
    """Give an attempt as a dump has it."""
    return {
        "artifacts": {"_task_ok": True, **artifacts},
        "metadata": [["attempt", "attempt", "0"], ["attempt_ok", "internal_attempt_status", "True"]],
        "stdout": ["one", "two"],
        "stderr": [],
    }


def task(parents: list[str], **artifacts: Any) -> dict[str, Any]:
    """Give a task as a dump has it."""
    return {
        "successful": True,
        "finished": True,
        "index": None,
        "exception": None,
        "current_attempt": 0,
        "parents": parents,
        "children": [],
        "tags": ["user:tester"],
        "cards": [{"type": "default", "id": None, "marks": [], "data": True}],
        "attempts": {"0": attempt(**artifacts)},
    }


@pytest.fixture
def dump() -> dict[str, Any]:
    """A dump of a small run."""
    return {
        "run": {
            "flow": "F",
            "user_tags": ["t"],
            "system_tags": [],
            "successful": True,
            "steps": ["body", "start"],
        },
        "parameters": {"artifacts": {"alpha": 1}, "metadata": []},
        "tasks": {
            "start": task([], items=[1, 2]),
            "body[0]": task(["start"], x=1, order=["a", "b"]),
            "body[1]": task(["start"], x=2, order=["a", "b"]),
        },
    }


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, tuple[Change, str]] = {
    "artifact's value": (
        lambda d: d["tasks"]["body[0]"]["attempts"]["0"]["artifacts"].update(x=5),
        "body[0].attempt.0.artifact.x: 1 != 5",
    ),
    "artifact's type": (
        lambda d: d["tasks"]["body[0]"]["attempts"]["0"]["artifacts"].update(x="1"),
        'body[0].attempt.0.artifact.x: 1 != "1"',
    ),
    "true is not one": (
        lambda d: d["tasks"]["body[0]"]["attempts"]["0"]["artifacts"].update(x=True),
        "body[0].attempt.0.artifact.x: 1 != true",
    ),
    "true is not one, inside a list": (
        lambda d: d["tasks"]["start"]["attempts"]["0"]["artifacts"].update(items=[True, 2]),
        "start.attempt.0.artifact.items.0: 1 != true",
    ),
    "artifact missing": (
        lambda d: d["tasks"]["body[0]"]["attempts"]["0"]["artifacts"].pop("x"),
        "body[0].attempt.0.artifact.x: missing; the reference has 1",
    ),
    "artifact more": (
        lambda d: d["tasks"]["body[0]"]["attempts"]["0"]["artifacts"].update(more=None),
        "body[0].attempt.0.artifact.more: not in the reference; ours has null",
    ),
    "order of a list": (
        lambda d: d["tasks"]["body[1]"]["attempts"]["0"]["artifacts"].update(order=["b", "a"]),
        'body[1].attempt.0.artifact.order: same items in another order: ["a", "b"] != ["b", "a"]',
    ),
    "task missing": (lambda d: d["tasks"].pop("body[1]"), "body[1]: missing; the reference has "),
    "task more": (
        lambda d: d["tasks"].update({"body[2]": d["tasks"]["body[1]"]}),
        "body[2]: not in the reference; ours has ",
    ),
    "attempt more": (
        lambda d: d["tasks"]["start"]["attempts"].update({"1": attempt()}),
        "start.attempt.1: not in the reference; ours has ",
    ),
    "current attempt": (
        lambda d: d["tasks"]["start"].update(current_attempt=1),
        "start.current_attempt: 0 != 1",
    ),
    "success of a task": (
        lambda d: d["tasks"]["start"].update(successful=False),
        "start.successful: true != false",
    ),
    "exception": (
        lambda d: d["tasks"]["start"].update(exception={"type": "ValueError"}),
        'start.exception: null != {"type": "ValueError"}',
    ),
    "parents": (
        lambda d: d["tasks"]["body[0]"].update(parents=["start", "other"]),
        'body[0].parents: 1 items != 2 items: only in the reference [], only in ours ["other"]',
    ),
    "tags of a task": (
        lambda d: d["tasks"]["start"].update(tags=["user:me"]),
        'start.tags.0: "user:tester" != "user:me"',
    ),
    "tags of the run": (lambda d: d["run"].update(user_tags=[]), "run.user_tags: 1 items != 0 items: "),
    "success of the run": (lambda d: d["run"].update(successful=False), "run.successful: true != false"),
    "log line": (
        lambda d: d["tasks"]["start"]["attempts"]["0"].update(stdout=["one", "2"]),
        'start.attempt.0.stdout.1: "two" != "2"',
    ),
    "log line lost": (
        lambda d: d["tasks"]["start"]["attempts"]["0"].update(stdout=["one"]),
        'start.attempt.0.stdout: 2 items != 1 items: only in the reference ["two"], only in ours []',
    ),
    "metadata": (
        lambda d: d["tasks"]["start"]["attempts"]["0"]["metadata"][1].__setitem__(2, "False"),
        'start.attempt.0.metadata.1.2: "True" != "False"',
    ),
    "cards": (lambda d: d["tasks"]["start"].update(cards=[]), "start.cards: 1 items != 0 items: "),
    "type of a card": (
        lambda d: d["tasks"]["start"]["cards"][0].update(type="blank"),
        'start.cards.0.type: "default" != "blank"',
    ),
    "parameter": (
        lambda d: d["parameters"]["artifacts"].update(alpha=2),
        "parameters.artifact.alpha: 1 != 2",
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_each_kind_of_difference_is_reported(kind: str, dump: dict[str, Any]) -> None:
    """A single change gives a single line, which begins with the path and both values."""
    change, expected = CHANGES[kind]
    other = copy.deepcopy(dump)
    change(other)
    (line,) = differences(dump, other)
    assert line.startswith(expected)


def test_equal_dumps_have_no_differences(dump: dict[str, Any]) -> None:
    """What is equal is not reported, and neither dump is changed by looking."""
    before = copy.deepcopy(dump)
    assert differences(dump, copy.deepcopy(dump)) == []
    assert dump == before


def test_racy_steps_are_left_out_everywhere(dump: dict[str, Any]) -> None:
    """Tasks of such a step may be there or not, also as parents, and the run's list of steps with them."""
    other = copy.deepcopy(dump)
    other["tasks"] = {"start": {**other["tasks"]["start"], "children": ["body[0]"]}}
    other["run"]["steps"] = ["start"]
    assert differences(dump, other, Rules(racy_steps=("body",))) == []


def test_unordered_logs_are_compared_as_sets_of_lines(dump: dict[str, Any]) -> None:
    """For the steps named, the order of lines is free; what they say is not."""
    other = copy.deepcopy(dump)
    other["tasks"]["start"]["attempts"]["0"]["stdout"] = ["two", "one"]
    assert differences(dump, other, Rules(unordered_logs=("start",))) == []
    assert differences(dump, other) != []
    other["tasks"]["start"]["attempts"]["0"]["stdout"] = ["two", "three"]
    assert differences(dump, other, Rules(unordered_logs=("start",))) != []


def test_free_logs_are_not_compared(dump: dict[str, Any]) -> None:
    """For the steps named, logs count for nothing; artifacts still do."""
    other = copy.deepcopy(dump)
    other["tasks"]["start"]["attempts"]["0"]["stdout"] = ["python flow.py step start"]
    assert differences(dump, other, Rules(free_logs=("start",))) == []
    other["tasks"]["start"]["attempts"]["0"]["artifacts"]["items"] = []
    assert differences(dump, other, Rules(free_logs=("start",))) != []


def test_names_of_a_run_are_replaced_wherever_they_occur() -> None:
    """Run ids, pathspecs and addresses in texts and keys give way to names that all runs share."""
    names = Names("1795")
    names.add("body", "7", "body[0]")
    assert names("F/1795/body/7 of 1795 at 0x7fa08c058c90") == "F/<run>/body[0] of <run> at 0x"
    assert canonical({"1795/body/7": ["1795"]}, names) == {"dict": {"<run>/body[0]": ["<run>"]}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        ([1], (1,)),
        ("a", b"a"),
        ({"a": 1}, OrderedDict(a=1)),
        ({1}, frozenset({1})),
        (ValueError("a"), ValueError("b")),
        (ValueError("a"), TypeError("a")),
        ("x" * 5000, "x" * 4999 + "y"),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}),
    ],
    ids=repr,
)
def test_values_that_differ_have_different_canonical_forms(one: object, other: object) -> None:
    """Types count as much as values."""
    names = Names("run")
    assert json.dumps(canonical(one, names)) != json.dumps(canonical(other, names))
    assert canonical(one, names) == canonical(copy.deepcopy(one), names)


def test_a_stand_in_is_as_its_class() -> None:
    """An object of a class of the flow's own file looks alike whether its class or a stand-in was loaded."""

    class Colour(enum.Enum):
        RED = "red"

    Colour.__qualname__, Colour.__module__ = "Colour", "__main__"
    names = Names("run")
    made = stand_in("Colour")
    assert canonical(made("red"), names) == canonical(Colour.RED, names)


def test_logs_keep_only_the_flows_own_frames() -> None:
    """Frames of the machinery, log headers and times go; messages and the flow's own lines stay."""
    lines = [
        "2026-11-24 22:46:48.834 timed out",
        "Traceback (most recent call last):",
        '  File "/lib/metaflow/cli.py", line 694, in main',
        "    start(auto_envvar_prefix=1)",
        "    ^^^^^^",
        '  File "/somewhere/flow.py", line 20, in broken',
        '    raise LookupError("x")',
        "LookupError: x in 1795",
        "no newline[MFLOG|0|2026-11-24T22:46:48.834Z|runtime|abc]Task failed.",
    ]
    assert clean_log(lines, Names("1795"), frozenset({"flow.py"})) == [
        "<time> timed out",
        "Traceback (most recent call last):",
        '  File "flow.py", line 20, in broken',
        '    raise LookupError("x")',
        "LookupError: x in <run>",
        "no newlineTask failed.",
    ]


def test_a_truncated_log_counts_by_its_beginning_and_its_mark() -> None:
    """Where exactly a log is cut depends on the length of its headers, so only head and mark are compared."""
    mark = "[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]"
    one = [*(str(n) for n in range(900)), mark]
    other = [*(str(n) for n in range(905)), mark]
    names = Names("run")
    assert clean_log(one, names, frozenset()) == clean_log(other, names, frozenset())
    assert clean_log(one[:-1], names, frozenset()) != clean_log(one, names, frozenset())
