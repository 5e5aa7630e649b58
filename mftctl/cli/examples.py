"""Examples of each command for `--help`, the reference and the man page: a command line and what it does."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "run": (
        ("mftctl run flow.py alpha=0.1", "run a flow now, on an embedded Temporal server"),
        ("mftctl run flow.py --with retry -o jsonl", "print one event per line, for programs"),
    ),
    "deploy": (
        ("mftctl deploy flow.py --profile prod", "use the settings of a profile"),
        (
            "mftctl deploy flow.py --branch staging --tag team:ml --max-workers 16",
            "deploy a branch of a @project",
        ),
        (
            "mftctl deploy flow.py --package-suffixes .csv,.json --list-package",
            "package data files beside the flow",
        ),
        ("mftctl deploy flow.py --output flow_worker.py", "write a worker file, too: python flow_worker.py"),
    ),
    "worker": (
        ("mftctl worker TrainFlow", "serve one deployment"),
        ("mftctl worker --all --concurrency 8", "serve all deployments, also future ones"),
    ),
    "trigger": (
        ("mftctl trigger TrainFlow alpha=0.1", "start a run and print its id"),
        ("mftctl trigger TrainFlow --wait --timeout 2h", "wait until it ends: exit code 0, 3 or 124"),
    ),
    "runs list": (
        (
            "mftctl runs list --deployment TrainFlow --status failed --since 7d",
            "list what failed in the last week",
        ),
        ("mftctl runs list --limit 1 -o name", "print the id of the newest run"),
    ),
    "runs describe": (
        ("mftctl runs describe @latest --deployment TrainFlow", "show the newest run of a deployment"),
        ("mftctl runs describe temporal-trainflow-7qk", "name a run by the beginning of its id"),
    ),
    "runs watch": (
        (
            "mftctl runs watch temporal-trainflow-7qk2m9xw4c --timeout 1h",
            "wait until it ends: exit code 0, 3 or 124",
        ),
    ),
    "runs logs": (
        ("mftctl runs logs temporal-trainflow-7qk2m9xw4c train --follow", "follow the logs of one step"),
        (
            "mftctl runs logs temporal-trainflow-7qk2m9xw4c train/3 --stderr --attempt 0",
            "show the stderr of one attempt of a task",
        ),
    ),
    "runs artifacts": (
        ("mftctl runs artifacts temporal-trainflow-7qk2m9xw4c end", "show the artifacts of a step"),
    ),
    "runs report": (
        ("mftctl runs report temporal-trainflow-7qk2m9xw4c -o report.html", "write a page for a browser"),
    ),
    "runs resume": (
        ("mftctl runs resume temporal-trainflow-7qk2m9xw4c --wait", "continue where it failed"),
        (
            "mftctl runs resume temporal-trainflow-7qk2m9xw4c --latest-code",
            "continue with the newest version",
        ),
    ),
    "runs pause": (
        ("mftctl runs pause temporal-trainflow-7qk2m9xw4c", "finish running tasks, start no new ones"),
    ),
    "runs unpause": (("mftctl runs unpause temporal-trainflow-7qk2m9xw4c", "continue"),),
    "runs cancel": (
        (
            "mftctl runs cancel temporal-trainflow-7qk2m9xw4c",
            "cancel a run and wait until its tasks have stopped",
        ),
    ),
    "runs terminate": (
        (
            'mftctl runs terminate temporal-trainflow-7qk2m9xw4c --reason "wrong data"',
            "terminate a run at once",
        ),
    ),
    "deployments list": (
        ("mftctl deployments list", "list all deployments and their workers"),
        ("mftctl deployments list --flow TrainFlow -o name", "print the names of one flow's deployments"),
    ),
    "deployments describe": (("mftctl deployments describe TrainFlow", "show a deployment and its workers"),),
    "deployments diff": (
        ("mftctl deployments diff TrainFlow", "compare with the file in this folder"),
        ("mftctl deployments diff shop.prod.TrainFlow train.py", "compare a production branch with a file"),
    ),
    "deployments delete": (
        ("mftctl deployments delete TrainFlow --yes", "delete without confirmation, as in a script"),
    ),
    "schedule list": (("mftctl schedule list", "list schedules and when they are due"),),
    "schedule describe": (("mftctl schedule describe TrainFlow", "show the next times and the last runs"),),
    "schedule pause": (
        ('mftctl schedule pause TrainFlow --reason "warehouse shut until Monday"', "pause with a reason"),
    ),
    "schedule unpause": (("mftctl schedule unpause TrainFlow", "start runs again from the next time on"),),
    "schedule trigger": (("mftctl schedule trigger TrainFlow", "start a run as if it were due now"),),
    "schedule backfill": (
        ("mftctl schedule backfill TrainFlow --start 2026-01-01 --end 2026-01-07 --dry-run", "list the runs"),
        (
            "mftctl schedule backfill TrainFlow --start 2026-01-01 --end 2026-01-07",
            "start them one after another",
        ),
    ),
    "schedule next": (("mftctl schedule next TrainFlow -n 10", "show the next ten times"),),
    "events publish": (
        (
            "mftctl events publish data_ready path=s3://bucket/x",
            "publish an event with a field in its payload",
        ),
    ),
    "events list": (("mftctl events list", "list events and who waits for them"),),
    "events describe": (("mftctl events describe data_ready", "show who waits for an event"),),
    "profile list": (("mftctl profile list", "list profiles; * marks the one in force"),),
    "profile show": (("mftctl profile show prod", "show each setting and where it comes from"),),
    "profile use": (("mftctl profile use dev", "use a profile by default"),),
    "profile set": (
        (
            "mftctl profile set prod address=temporal.example.com:7233 production=true tags=team:ml,env:prod",
            "set several keys",
        ),
    ),
    "profile unset": (
        ("mftctl profile unset prod tags", "remove a key"),
        ("mftctl profile unset prod --all", "remove the profile"),
    ),
    "profile path": (("mftctl profile path", "print the path, for an editor"),),
    "profile check": (("mftctl profile check prod", "show what does not work and how to fix it"),),
    "dev": (
        ("mftctl dev", "run it at ports 7233 and 8233"),
        ("mftctl dev --port 0 --ui-port 0", "run it at free ports"),
    ),
    "doctor": (
        ("mftctl doctor", "diagnose this installation"),
        ("mftctl doctor --clean", "remove caches that are not needed, too"),
    ),
    "help": (
        ("mftctl help exit-codes", "show a topic"),
        ("mftctl help runs resume", "show the help of a command"),
    ),
    "completion": (
        ("source <(mftctl completion bash)", "complete in this shell"),
        ("mftctl completion fish > ~/.config/fish/completions/mftctl.fish", "complete in every future shell"),
    ),
    "schema": (
        ("mftctl schema", "list the schemas"),
        ("mftctl schema deployments.list", "print the schema of `mftctl deployments list -o json`"),
    ),
}


def epilogue(command: str) -> str:
    """The examples as the help of a command shows them."""
    shown = EXAMPLES.get(command, ())
    lines = [f"  {line}" + (f"\n      {about}" if about else "") for line, about in shown]
    return "\n".join(("Examples:", *lines)) if lines else ""
