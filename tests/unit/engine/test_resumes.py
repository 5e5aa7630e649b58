"""Runs that are resumed, and who may change a run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scenarios import TRIP, UNDO
from standin import Call, Engine, ended, fails, hangs, linear, manifest, until
from temporalio.exceptions import ApplicationError

from mftctl.control import deployments, tokens
from mftctl.control.runs import actions
from mftctl.control.runs.lookup import describe
from mftctl.model.errors import ConflictError
from mftctl.model.manifest import Trigger
from mftctl.operations.runs.list_runs import find_runs
from mftctl.operations.runs.run_status import hint_after


async def test_a_run_whose_tasks_were_undone_once_is_refused_for_good(engine: Engine) -> None:
    """Also after it was resumed by force, and ended without compensations."""
    given = manifest("Undone", TRIP, compensations=UNDO)
    script, handle = await engine.start(given, {"go": fails()})
    assert (await ended(handle)).status == "failed"
    script.acts["go"] = hangs
    await actions.resume(engine.client, handle.id, force=True)
    await until(lambda: script.names.count("go") == 2)
    await engine.client.get_workflow_handle(handle.id).terminate()
    for new_run in (False, True):
        with pytest.raises(ConflictError, match="2 compensations undid"):
            await actions.resume(engine.client, handle.id, new_run=new_run)


async def test_a_version_with_other_stores_does_not_take_a_run_over(engine: Engine) -> None:
    """It would find no result, and run all of it again."""
    given = manifest("Stored", linear("a"))
    _, how = await engine.run(given, {"a": fails()}, run_id="temporal-stored-1")
    assert how.status == "failed"
    launch = replace(given.launch, datastore="s3", datastore_root="s3://bucket")
    await deployments.register(engine.client, replace(given, launch=launch))
    with pytest.raises(ConflictError, match=r"results in the datastore local, and version \w+ uses s3"):
        await actions.resume(engine.client, "temporal-stored-1", latest_code=True)


async def test_the_end_of_a_run_is_one_event_however_often_it_is_resumed(engine: Engine) -> None:
    """Where its last task is kept, so is the event's id: other deployments start once."""

    async def keeps(call: Call) -> dict[str, int]:  # noqa: ARG001
        return {"generation": 0, "since": 0}

    given = manifest("Kept", linear("a"), triggers=(Trigger("x"),))
    engine.standin.delivered.clear()
    for generation in (0, 1):
        acts = dict.fromkeys(("start", "a", "end"), keeps) if generation else {}
        _, how = await engine.run(given, acts, run_id="temporal-kept-1", generation=generation)
        assert how.status == "completed"
    first, second = (one["id"] for one in engine.standin.delivered if "kept" in one["id"])
    assert first == second


async def test_the_last_deployer_changes_runs(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of earlier versions too, and who deployed before does not any more."""
    given = replace(manifest("Handed", linear("a")), owner="alice")
    first, _ = await deployments.register(engine.client, given)
    _, handle = await engine.start(first, {"a": hangs})
    request = tokens.TokenRequest(authorize=first.token, generate=True)
    second, _ = await deployments.register(engine.client, replace(given, owner="bob"), request)
    run = await describe(engine.client, handle.id)
    monkeypatch.setattr(tokens, "load", lambda _: None)
    for user, token, allowed in (
        ("bob", None, True),
        ("alice", None, False),
        ("alice", first.token, False),
        ("alice", second.token, True),
    ):
        monkeypatch.setattr(tokens, "username", lambda user=user: user)
        if allowed:
            await actions.authorize(engine.client, run, token)
        else:
            with pytest.raises(ConflictError, match="deployed by bob"):
                await actions.authorize(engine.client, run, token)
    await deployments.unregister(engine.client, second, "bob")
    await handle.terminate()


async def test_runs_of_another_flow_under_the_name_are_listed(engine: Engine) -> None:
    """The deployment's name was given to another flow since."""
    before = manifest("FlowBefore", linear("a"), deployment="shared")
    _, handle = await engine.start(before, {"a": hangs})
    now = manifest("FlowNow", linear("a"), deployment="shared")
    await deployments.register(engine.client, now)

    async def listed() -> bool:
        return [one.run_id for one in await find_runs(engine.client, "shared", limit=5)] == [handle.id]

    await until(listed)
    await deployments.unregister(engine.client, now, now.owner)
    await handle.terminate()


async def test_a_run_that_was_refused_for_its_id_is_not_resumed(engine: Engine) -> None:
    """It would keep the results of the earlier run, with other parameters."""

    async def taken(_: Call) -> None:
        details = {"step": "start", "message": "it has results already", "taken": True}
        raise ApplicationError("taken", details, type="StepFailed", non_retryable=True)

    given = manifest("Taken", linear("a"))
    _, how = await engine.run(given, {"start": taken}, run_id="temporal-taken-1")
    assert hint_after(given, "temporal-taken-1", how) == "start a run with another id: mftctl trigger Taken"
    for new_run in (False, True):
        with pytest.raises(ConflictError, match="those of an earlier run"):
            await actions.resume(engine.client, "temporal-taken-1", new_run=new_run)
