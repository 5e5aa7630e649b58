"""A run that ended badly goes on where it was: what finished is kept, task by task."""

import asyncio
import json
import os
import signal

import pytest
from ports import free_port
from resumableflows import CLONED, CODED, FLOW, WIDE, WORK
from resumestage import Stage, generations

from mftctl.control.runs import actions, outcome
from mftctl.control.runs import lookup as found
from mftctl.model import ids
from mftctl.model.errors import Exit, MftctlError

pytestmark = pytest.mark.xdist_group("resume")


@pytest.fixture(scope="module")
def stage(lodging) -> Stage:
    """A stage with the flow."""
    stage = Stage(lodging)
    stage.deploy("resumed.py", FLOW)
    return stage


@pytest.fixture(scope="module")
def whole(stage) -> dict:
    """What a run that never failed leaves behind."""
    run_id = stage.begin()
    assert stage.ending(run_id) == "completed"
    (dump,) = stage.finished(f"Resumed/{run_id}")
    return dump


def test_only_what_did_not_finish_runs_again(stage, whole):
    """However often and wherever a run fails, each resume goes on there, and it ends as one that never failed."""
    fails = ["loop-2", "side", "piece-3", "body-2-1", "join_inner-1", "join", "end"]
    run_id = stage.begin(fail=fails)
    while fails:
        ended = stage.ended(run_id)
        assert ended.status == "failed"
        (label,) = (one for one in fails if f" {one} fails" in ended.message)
        fails.remove(label)
        stage.file(run_id, f"fail-{label}").unlink()
        assert stage.resume(run_id) == run_id
    assert stage.ending(run_id) == stage.status(run_id) == "completed"
    (dump,) = stage.check(whole, f"Resumed/{run_id}")
    assert all(len(tasks) == 1 for tasks in dump["tasks"].values())


def test_a_stopped_run_goes_on(stage, whole, wait_until):
    """So it is with a run that was cancelled, that timed out, or that was terminated when its worker had been killed.

    A task whose worker dies when the result is stored, and not yet told, is not run again either.
    """
    cancelled, timed, lost = (
        stage.begin(hold=["body-1-1"]),
        stage.begin(hold=["loop-2"], timeout=3),
        stage.begin(hold=["piece-5"]),
    )
    wait_until(stage.file(cancelled, "held-temporal-body-0-1").exists, "a task is held")
    stage.act(lambda client: actions.cancel(client, cancelled))
    assert [stage.ending(cancelled), stage.ending(timed)] == ["cancelled", "timed_out"]
    wait_until(stage.file(lost, "held-temporal-piece-5").exists, "a task is held")
    goes_on = stage.begin(kill=["fork"])
    wait_until(lambda: stage.worker.poll() is not None, "the worker is killed")
    stage.act(lambda client: actions.terminate(client, lost))
    stage.serve()
    for run_id, label in ((cancelled, "body-1-1"), (timed, "loop-2"), (lost, "piece-5")):
        stage.file(run_id, f"hold-{label}").unlink()
        stage.resume(run_id)
    while stage.ending(timed) == "timed_out":  # it has three seconds again each time
        stage.resume(timed)
    stopped = [cancelled, timed, lost, goes_on]
    assert [stage.ending(run_id) for run_id in stopped] == ["completed"] * 4
    *_, dump = stage.check(whole, *(f"Resumed/{run_id}" for run_id in stopped))
    assert set(map(tuple, generations(dump).values())) == {(0,)}


@pytest.mark.soak
def test_no_result_is_older_than_what_it_was_made_of(stage, whole):
    """What follows a step that was run again runs again, also in later resumes and in runs made of that one."""
    old = stage.begin(fail=["end"])
    assert stage.ending(old) == "failed"
    stage.file(old, "fail-join_outer").touch()
    stage.resume(old, step="join_inner")
    assert " join_outer fails" in stage.ended(old).message
    stage.file(old, "fail-join_outer").unlink()
    stage.resume(old)
    assert " end fails" in stage.ended(old).message
    stage.file(old, "fail-end").unlink()
    stage.resume(old)
    assert stage.ending(old) == "completed"
    (dump,) = stage.check(whole, f"Resumed/{old}")
    again = {key: found for key, found in generations(dump).items() if found != [0]}
    inner = {f"join_inner[{index}]": [1, 0] for index in range(2)}
    assert again == {**inner, "join_outer": [2, 0], "join": [2, 0], "end": [3]}

    # Of a run that went well a new one can be made, which is resumed like any other.
    (stage.folder / "fail-end").touch()
    new = stage.resume(old, new_run=True, step="join")
    assert stage.ending(new) == "failed"
    (stage.folder / "fail-end").unlink()
    assert stage.resume(new) == new
    assert stage.ending(new) == "completed"
    (dump,) = stage.check(whole, f"Resumed/{new}")
    cloned = {key: tasks[0]["cloned"] for key, tasks in dump["tasks"].items()}
    assert {key for key, origin in cloned.items() if origin is None} == {"join", "end"}
    assert cloned["join_inner[1]"] == "temporal-join_inner-1-g1"
    assert cloned["join_outer"] == "temporal-join_outer-0-g2"
    assert generations(dump)["join"] == [0]


def test_a_new_run_is_as_metaflows_own_resume(stage):
    """A new run clones what `python flow.py resume` clones and runs the rest: same tasks, artifacts and origins.

    The tasks of @parallel are cloned together, and run again together when one of them has failed.
    """
    stage.deploy("cloned.py", CLONED)
    old, again = stage.begin("Cloned", fail=["last"]), stage.begin("Cloned", fail=["work-1"])
    assert [stage.ended(old).step, stage.ended(again).step] == ["last", "work"]
    stage.file(again, "fail-work-1").unlink()
    stage.file(old, "fail-last").unlink()
    stage.resume(again)
    new = stage.resume(old, new_run=True)
    native = stage.home.python("cloned.py", "resume", "--origin-run-id", old, "--run-id-file", "native")
    assert native.returncode == 0, native.stdout + native.stderr
    assert [stage.ending(new), stage.ending(again)] == ["completed", "completed"]
    native_id = (stage.home.folder / "native").read_text()
    theirs, ours, went_on = stage.finished(*(f"Cloned/{one}" for one in (native_id, new, again)))
    kept = generations(went_on)
    for dump in (theirs, ours, went_on):
        for tasks in dump["tasks"].values():
            del tasks[0]["id"]
    assert ours == theirs
    assert (kept["nodes"], kept["work[0]"], kept["work[1]"]) == ([0], [1], [1])
    for key, tasks in went_on["tasks"].items():
        expected = theirs["tasks"][key][0]["artifacts"] | ({"origin": None} if key in {"last", "end"} else {})
        if not key.startswith("work"):  # whose artifacts name tasks of the run
            assert tasks[0]["artifacts"] == expected, key
    assert set(stage.effects(again).values()) == {1}


@pytest.mark.soak
def test_the_latest_code_runs_what_runs_again(stage):
    """With the deployment's current version old results are kept; where its graph does not fit them, it says so."""

    def deploy(code: str, after: str = "work", parameter: str = "") -> None:
        changed = {"WORK": WORK * (after == "work"), "CODE": code, "AFTER": after, "PARAMETER": parameter}
        source = CODED
        for word, text in changed.items():
            source = source.replace(word, text)
        stage.deploy("coded.py", source)

    deploy("one")
    first, second = stage.begin("Coded", fail=["last"]), stage.begin("Coded", fail=["last"])
    assert [stage.ending(first), stage.ending(second)] == ["failed", "failed"]
    for run_id in (first, second):
        stage.file(run_id, "fail-last").unlink()
    deploy("two")
    stage.resume(first, latest_code=True)
    deploy("three", after="last")
    stage.resume(second, latest_code=True)
    assert stage.ending(first) == "completed"
    misfit = stage.ended(second)
    assert (misfit.status, "resume with: --step start" in misfit.message) == ("failed", True)
    stage.resume(second, latest_code=True, step="start")
    assert stage.ending(second) == "completed"
    one, other = stage.finished(f"Coded/{first}", f"Coded/{second}")
    assert one["tasks"]["last"][0]["artifacts"]["codes"] == ["one", "one", "two"]
    assert other["tasks"]["last"][0]["artifacts"]["codes"] == ["three", "three"]
    assert stage.refused(first, latest_code=True, new_run=True, step="nowhere").exit == Exit.USAGE

    third = stage.begin("Coded", fail=["last"])
    assert stage.ending(third) == "failed"
    deploy("four", after="last", parameter='alpha = Parameter("alpha", default=7)')
    assert stage.refused(third, latest_code=True).code == "parameter.new"
    made = stage.resume(third, latest_code=True, new_run=True)
    assert stage.ending(made) == "completed"
    (dump,) = stage.finished(f"Coded/{made}")
    assert dump["tasks"]["last"][0]["artifacts"] | {"alpha": 7} == dump["tasks"]["last"][0]["artifacts"]


@pytest.mark.soak
def test_a_scheduled_run_goes_on(stage, wait_until):
    """A run that a Schedule has started, whose id is made of its time, still knows when it was due."""
    stage.deploy("coded.py", CODED.replace("WORK", WORK).replace("AFTER", "work").replace("PARAMETER", ""))
    (stage.folder / "fail-last").touch()

    async def due(client):
        await client.get_schedule_handle(ids.schedule_id("Coded")).trigger()

    def scheduled() -> list[str]:
        listed = stage.act(lambda client: found.list_runs(client, deployment="Coded"))
        return [run.run_id for run in listed if run.run_id.startswith("temporal-coded-20")]

    stage.act(due)
    wait_until(scheduled, "the run is started")
    (run_id,) = scheduled()
    stage.act(lambda client: outcome.wait_for_outcome(found.workflow_handle(client, run_id)))
    (stage.folder / "fail-last").unlink()
    done = stage.home.run("runs", "resume", run_id, "--wait", "-o", "json")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "completed"), done.stderr
    (dump,) = stage.finished(f"Coded/{run_id}")
    assert dump["tasks"]["last"][0]["artifacts"]["due"].replace(":", "") in run_id


def test_one_resumes_and_others_are_refused(stage):
    """A run that goes on, one that went well and one that is not there are not resumed; of two at once, one is."""
    failed = stage.begin(fail=["start"])
    assert stage.ending(failed) == "failed"

    async def both(client):
        return await asyncio.gather(
            *(actions.resume(client, failed) for _ in range(2)), return_exceptions=True
        )

    stage.file(failed, "fail-start").rename(stage.file(failed, "hold-start"))
    results = stage.act(both)
    (refused,) = (one for one in results if isinstance(one, MftctlError))
    assert (refused.exit, refused.code) == (Exit.CONFLICT, "run.running")
    assert failed in results
    assert stage.refused(failed).exit == Exit.CONFLICT
    assert stage.refused(failed, new_run=True).exit == Exit.CONFLICT
    stage.file(failed, "hold-start").unlink()
    assert stage.ending(failed) == "completed"
    assert stage.refused(failed).code == "run.completed"
    assert stage.refused("temporal-resumed-nobody").exit == Exit.NOT_FOUND


@pytest.mark.soak
def test_a_run_of_mftctl_run_goes_on_as_its_hint_says(stage):
    """Such a run has had a worker of its own: `python flow.py resume` lets it go on, and `runs resume` says so."""
    stage.flow("cloned.py", CLONED)
    (stage.folder / "fail-last").touch()
    failed = stage.home.run("run", "cloned.py", "--run-id-file", "own")
    (stage.folder / "fail-last").unlink()
    assert failed.returncode == 3
    run_id = (stage.home.folder / "own").read_text().strip()
    hint = failed.stderr.rpartition("after a fix: ")[2].split()
    assert hint == ["python", "cloned.py", "resume", "--origin-run-id", run_id]
    refused = stage.refused(run_id)
    assert (refused.exit, refused.hint.endswith(" ".join(hint))) == (Exit.CONFLICT, True)
    done = stage.home.command(*hint, "--run-id-file", "own")
    assert done.returncode == 0, done.stdout + done.stderr
    (dump,) = stage.finished(f"Cloned/{(stage.home.folder / 'own').read_text()}")
    assert dump["successful"]
    run_again = {key for key, tasks in dump["tasks"].items() if tasks[0]["cloned"] is None}
    assert run_again == {"last", "end"}


@pytest.mark.soak
def test_a_wide_foreach_is_resumed_and_paused(stage, whole, wait_until, monkeypatch):
    """Splits that child workflows run are kept each for itself; paused, no other starts, nor one that is queued.

    A pause holds when the worker is killed, and for a resumed run before its first task, until it is taken back. The
    join takes old and new results in split order.
    """
    stage.deploy("wide.py", WIDE)
    run_id = stage.begin("Wide", fail=["piece-40"], hold=["piece-100"])
    failed = stage.begin(fail=["loop-2"])
    assert [stage.ending(run_id), stage.ending(failed)] == ["failed", "failed"]
    stage.file(run_id, "fail-piece-40").unlink()
    stage.resume(run_id)
    wait_until(stage.file(run_id, "held-temporal-piece-100-g1").exists, "the last splits run")
    assert stage.act(lambda client: actions.pause(client, run_id))
    assert stage.status(run_id) == "paused"
    assert not stage.act(lambda client: actions.pause(client, run_id))
    child = ids.foreach_id(run_id, "piece", (), 0, generation=1)

    def running() -> int | None:
        counts = stage.act(lambda client: outcome.progress(client.get_workflow_handle(child)))
        return None if counts is None else counts["piece"].get("running", 0)

    wait_until(lambda: running() == 1, "all that runs is the split that is held")
    stage.file(run_id, "hold-piece-100").unlink()
    wait_until(lambda: running() == 0, "it has finished")
    before = stage.effects(run_id)
    assert before["piece/temporal-piece-100-g1"] == 1

    stage.file(failed, "fail-loop-2").unlink()
    stage.worker.kill()
    stage.worker.wait()
    monkeypatch.setattr(outcome, "QUERY_TIMEOUT", 0.2)
    stage.resume(failed)
    assert stage.act(lambda client: actions.pause(client, failed)) is None
    stage.serve()
    assert stage.ending(stage.begin()) == "completed"
    assert stage.effects(run_id) == before
    assert len(stage.effects(failed)) == 2
    wait_until(lambda: stage.status(failed) == "paused", "the worker has taken notice")
    for paused in (run_id, failed):
        assert stage.act(lambda client, paused=paused: actions.unpause(client, paused)) in {True, None}
    assert [stage.ending(run_id), stage.ending(failed)] == ["completed", "completed"]
    stage.check(whole, f"Resumed/{failed}")
    (dump,) = stage.finished(f"Wide/{run_id}")
    assert dump["tasks"]["gather"][0]["artifacts"]["got"] == [2 * index for index in range(110)]
    pieces = {key: found for key, found in generations(dump).items() if key.startswith("piece")}
    assert [len(found) for found in pieces.values()] == [1] * 110
    assert pieces["piece[40]"] == pieces["piece[100]"] == [1]
    assert [0] in pieces.values()
    assert set(stage.effects(run_id).values()) == {1}


@pytest.mark.soak
def test_what_an_old_worker_finishes_late_does_no_harm(stage, whole, wait_until):
    """A worker that does not hear of the run's termination goes on with its task, beside the resumed run and after."""
    old = stage.begin(hold=["temporal-body-0-0"])
    wait_until(stage.file(old, "held-temporal-body-0-0").exists, "a task is held")
    # The worker must have told all else: a task whose end it has not told runs again, too.
    wait_until(lambda: {"gather", "side", "join_inner"} <= stage.steps_of(old), "all else has had its effect")
    wait_until(lambda: stage.running(old) == 1, "all else has ended")
    deaf = stage.worker
    deaf.send_signal(signal.SIGSTOP)
    try:
        stage.act(lambda client: actions.terminate(client, old))
        stage.serve()
        stage.file(old, "fail-end").touch()
        stage.resume(old)
        assert " end fails" in stage.ended(old).message
        stage.file(old, "hold-temporal-body-0-0").unlink()
        wait_until(lambda: len(stage.finished(f"Resumed/{old}")[0]["tasks"]["body[0.0]"]) == 2, "it is done")
    finally:
        deaf.send_signal(signal.SIGCONT)
    stage.file(old, "fail-end").unlink()
    stage.resume(old)
    assert stage.ending(old) == "completed"
    (dump,) = stage.check(whole, f"Resumed/{old}")
    again = {key: found for key, found in generations(dump).items() if found not in ([0], [1])}
    assert again == {"body[0.0]": [1, 0], "end": [2]}
    assert stage.ending(stage.begin()) == "completed"
    assert deaf.poll() is None


@pytest.mark.soak
def test_a_pause_survives_the_server(home, wait_until):
    """A paused run is paused when the embedded server is killed and starts again, and ends when it is unpaused."""
    port = free_port()
    dev = home.start("dev", "--port", str(port), "--ui-port", "0")
    assert str(port) in dev.stdout.readline()

    def servers() -> list[int]:
        return [pid for pid, command in home.running() if "server start-dev" in command]

    home.env["TEMPORAL_ADDRESS"] = f"127.0.0.1:{port}"
    stage = Stage(home)
    stage.deploy("resumed.py", FLOW)
    run_id = stage.begin(hold=["piece-5"])
    wait_until(stage.file(run_id, "held-temporal-piece-5").exists, "a task is held")
    assert stage.act(lambda client: actions.pause(client, run_id))
    (server,) = servers()
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: [pid for pid in servers() if pid != server], "it is started again")
    wait_until(lambda: home.run("runs", "list").returncode == 0, "it answers")
    assert dev.poll() is None
    assert stage.status(run_id) == "paused"
    stage.file(run_id, "hold-piece-5").unlink()
    wait_until(lambda: stage.effects(run_id)["piece/temporal-piece-5"], "the running task finishes")
    assert stage.ending(stage.begin()) == "completed"
    before = stage.effects(run_id)
    assert "gather/temporal-gather-0" not in before
    assert stage.act(lambda client: actions.unpause(client, run_id))
    assert stage.ending(run_id) == "completed"
    assert set(stage.effects(run_id).values()) == {1}
    assert not before - stage.effects(run_id)
