"""Tags of runs, checked by Metaflow's rules (``metaflow.tagging_util.validate_tags``) without importing metaflow."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.errors import UsageError

#: Metaflow's MAX_USER_TAG_SET_SIZE, and its MAX_TAG_SIZE in characters.
MAX_TAGS, MAX_LENGTH = 50, 500
#: Characters of a tag that an error shows.
_SHOWN = 40


def validate(tags: Iterable[str], deployed: Iterable[str] = ()) -> None:
    """Check the tags; MftctlError (exit code 2) names one that Metaflow would refuse. ``deployed``: existing tags."""
    given = list(tags)
    for tag in given:
        problem = _problem(tag)
        if problem:
            raise UsageError(problem, code="tag.invalid", hint="give --tag a short text")
    count = len({*given, *deployed})
    if count > MAX_TAGS:
        before = len(set(deployed))
        hint = f"{before} of them come from the deployment" if before else "leave some out"
        raise UsageError(
            f"a run can have at most {MAX_TAGS} tags, not {count}", code="tag.invalid", hint=hint
        )


def _problem(tag: str) -> str | None:
    try:
        tag.encode()
    except UnicodeError:
        return f"the tag {tag[:_SHOWN]!a} is not UTF-8"
    if not tag:
        return "a tag must not be empty"
    if len(tag) > MAX_LENGTH:
        return f"the tag '{tag[:_SHOWN]}…' is too long: {len(tag)} characters, {MAX_LENGTH} are allowed"
    return None
