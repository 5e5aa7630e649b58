"""Commands of the group `runs`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..console.output import Format, Result
from ..console.text import parse_duration, parse_time
from ..model.statuses import Status
from ..operations.command_options import (
    FLAG,
    LIST,
    Authorize,
    Latest,
    Limited,
    LimitedConnection,
    RunOptions,
    Unlimited,
    Yes,
)

if TYPE_CHECKING:
    from ..results import run_results

RunName = Annotated[str, Parameter(help="Run id, the beginning of one, or @latest.")]
RunNames = Annotated[str, Parameter(help="Run ids, the beginnings of them, or @latest.")]


def list_(
    *,
    deployment: str | None = None,
    status: Annotated[tuple[Status, ...], LIST] = (),
    since: str | None = None,
    tag: Annotated[tuple[str, ...], LIST] = (),
    limit: int = 20,
    watch: Annotated[bool, FLAG] = False,
    options: Limited = Limited(),
) -> Result["list[run_results.RunRow]"]:
    """List runs: first those that have not ended, the newest on top, then the others, the last to end on top.

    Parameters
    ----------
    deployment
        Show only runs of this deployment.
    status
        Show only runs with this status; can be repeated. Paused and stuck runs are also running.
    since
        Show only runs that started since then: an age, such as 2h or 7d, or a time.
    tag
        Show only runs with this tag; can be repeated for runs with all of the tags.
    limit
        Show at most this many runs (default: 20).
    watch
        Read the list every 2 seconds and redraw it in place, until Ctrl-C; needs a terminal.
    """
    from ..operations.runs.list_runs import RunFilter, list_runs

    started = None if since is None else parse_time(since, "--since")
    wanted = RunFilter(deployment, status, started, tag, limit)
    if watch:
        from ..operations.runs.watch_list import watch_list  # rich, which only drawing needs

        return options.run(watch_list(options, wanted, options.format, quiet=options.quiet))
    return options.run(list_runs(options, wanted))


def top(
    *,
    deployment: str | None = None,
    limit: int = 100,
    options: Limited = Limited(),
) -> Result["list[run_results.OpenTask]"]:
    """Show the tasks of open runs: which run, on which worker, and since when.

    On a terminal it reads them every 2 seconds and redraws them in place, until Ctrl-C; elsewhere it prints them once.

    Parameters
    ----------
    deployment
        Show only runs of this deployment.
    limit
        Show at most this many tasks (default: 100).
    """
    from ..operations.runs import top as runs_top

    return options.run(runs_top.top(options, deployment, limit, options.format, quiet=options.quiet))


def describe(run: RunName, /, *, options: RunOptions = RunOptions()) -> Result["run_results.RunDetails"]:
    """Show a run: its parameters, each step with counts and times, failures and pending retries."""
    from ..operations.runs.describe_run import describe_run

    return options.run(describe_run(run, options.deployment, options))


def watch(
    run: RunName,
    /,
    *,
    timeout: str | None = None,
    latest: Latest = Latest(),
    options: Unlimited = Unlimited(),
) -> Result["run_results.DeploymentRun"]:
    """Watch a run until it ends: exit code 0 if it completes, 3 if it does not. Ctrl-C does not stop the run.

    Parameters
    ----------
    timeout
        Stop watching after this time (exit code 124); the run continues.
    """
    from ..operations.runs.watch_run import watch_run

    limit = None if timeout is None else parse_duration(timeout, "--timeout")
    return options.run(watch_run(run, latest.deployment, limit, options))


def logs(
    run: RunName,
    step: str | None = None,
    /,
    *,
    follow: Annotated[bool, FLAG] = False,
    stderr: Annotated[bool, FLAG] = False,
    attempt: int | None = None,
    since: str | None = None,
    options: RunOptions = RunOptions(),
) -> Result["list[run_results.LogLine]"]:
    """Show what a run's tasks printed, in the order of time, each line with its task.

    Parameters
    ----------
    step
        Show only the tasks of this step, or one task: STEP/INDEX or STEP/TASK.
    follow
        Continue until the run ends.
    stderr
        Show only what was printed to stderr.
    attempt
        Show this attempt, counted from 0 (default: the last one of each task).
    since
        Show only lines since then: an age, such as 10m, or a time.
    """
    from ..operations.runs.logs_and_artifacts import LogFilter, show_logs

    begin = 0.0 if since is None else parse_time(since, "--since").timestamp()
    wanted = LogFilter(step, attempt, begin, ("stderr",) if stderr else ("stdout", "stderr"))
    return options.run(show_logs(run, options.deployment, wanted, follow, options.format, options))


def artifacts(
    run: RunName, step: str, /, *, options: RunOptions = RunOptions()
) -> Result["list[run_results.Artifact]"]:
    """Show the artifacts of a task: names, types, and short values.

    Parameters
    ----------
    step
        Step with one task, or a task: STEP/INDEX or STEP/TASK.
    """
    from ..operations.runs.logs_and_artifacts import show_artifacts

    return options.run(show_artifacts(run, options.deployment, step, options))


def report(
    run: RunName,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], allow_leading_hyphen=True)] = None,
    format: Annotated[Format, Parameter(name="--format")] = "text",
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
    latest: Latest = Latest(),
    connection: LimitedConnection = LimitedConnection(),
) -> Result["run_results.ReportFile"]:
    """Write a run as one HTML page: graph, timeline of all attempts, failures with logs, parameters, artifacts.

    Parameters
    ----------
    output
        Write to this file (default: the run's id with .html in this folder); - is stdout.
    format
        Print the name of the file as text, json, jsonl or name.
    quiet
        Print only the result and errors.
    """
    from ..operations.runs.write_report import write_report

    return connection.run(write_report(run, latest.deployment, output, connection))


def resume(
    run: RunName,
    /,
    *,
    step: str | None = None,
    latest_code: Annotated[bool, FLAG] = False,
    new_run: Annotated[bool, FLAG] = False,
    workflow_timeout: str | None = None,
    force: Annotated[bool, FLAG] = False,
    wait: Annotated[bool, FLAG] = False,
    timeout: str | None = None,
    authorize: Authorize = None,
    latest: Latest = Latest(),
    options: Unlimited = Unlimited(),
) -> Result["run_results.DeploymentRun"]:
    """Resume a run that did not complete: finished tasks keep their results, the others run again.

    Parameters
    ----------
    step
        Run this step again, and all steps after it.
    latest_code
        Use the deployment's current version instead of the run's own.
    new_run
        Start a new run with the results of this one, as Metaflow's own resume does.
    workflow_timeout
        Stop the run after this time, such as 30m or 2h (default: the deployment's).
    force
        Resume even if compensations undid finished tasks, and keep their results.
    wait
        Wait until the run ends: exit code 0 if it completes, 3 if it does not.
    timeout
        Stop waiting after this time (exit code 124); the run continues. Implies --wait.
    """
    from ..operations.runs.change_runs import Resume, resume_run

    limit = None if timeout is None else parse_duration(timeout, "--timeout")
    stop = None if workflow_timeout is None else parse_duration(workflow_timeout, "--workflow-timeout")
    how = Resume(step, latest_code, new_run, stop, force, wait or limit is not None, limit)
    return options.run(resume_run(run, latest.deployment, authorize, how, options))


def pause(
    run: RunName, /, *, authorize: Authorize = None, options: RunOptions = RunOptions()
) -> Result["run_results.RunState"]:
    """Pause a run: it starts no new tasks; running tasks finish."""
    from ..operations.runs.change_runs import pause_run

    return options.run(pause_run(run, options.deployment, authorize, options, paused=True))


def unpause(
    run: RunName, /, *, authorize: Authorize = None, options: RunOptions = RunOptions()
) -> Result["run_results.RunState"]:
    """Continue a paused run."""
    from ..operations.runs.change_runs import pause_run

    return options.run(pause_run(run, options.deployment, authorize, options, paused=False))


def cancel(
    *runs: RunNames,
    no_wait: Annotated[bool, FLAG] = False,
    authorize: Authorize = None,
    options: RunOptions = RunOptions(),
) -> Result["run_results.StoppedRun | list[run_results.StoppedRun]"]:
    """Cancel runs and wait until their tasks have stopped.

    Parameters
    ----------
    no_wait
        Return at once.
    """
    from ..operations.runs.change_runs import cancel_runs

    return options.run(cancel_runs(runs, options.deployment, authorize, not no_wait, options))


def terminate(
    *runs: RunNames,
    reason: str = "terminated with mftctl",
    yes: Yes = False,
    authorize: Authorize = None,
    options: RunOptions = RunOptions(),
) -> Result["run_results.StoppedRun | list[run_results.StoppedRun]"]:
    """End runs at once, without waiting for their tasks. On a terminal, asks for confirmation.

    Parameters
    ----------
    reason
        Reason that Temporal shows.
    """
    from ..operations.runs.change_runs import terminate_runs

    return options.run(terminate_runs(runs, options.deployment, authorize, reason, yes, options))
