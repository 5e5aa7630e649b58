"""Tags of runs, held to Metaflow's rules (``metaflow.tagging_util.validate_tags``) without importing metaflow."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.errors import Exit, MftctlError

#: Metaflow's MAX_USER_TAG_SET_SIZE, and its MAX_TAG_SIZE in characters.
MAX_TAGS, MAX_LENGTH = 50, 500
#: Characters of a tag that an error shows.
_SHOWN = 40


def validate(tags: Iterable[str], deployed: Iterable[str] = ()) -> None:
    """MftctlError with exit code 2 names the tag that Metaflow would refuse; ``deployed`` are there already."""
    given = list(tags)
    for tag in given:
        problem = _problem(tag)
        if problem:
            raise _usage(problem, "give --tag a short text")
    count = len({*given, *deployed})
    if count > MAX_TAGS:
        before = len(set(deployed))
        hint = f"{before} of them come from the deployment" if before else "leave some of them out"
        raise _usage(f"a run can have {MAX_TAGS} tags, and these are {count}", hint)


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


def _usage(message: str, hint: str) -> MftctlError:
    return MftctlError(message, exit=Exit.USAGE, code="tag.invalid", hint=hint)
