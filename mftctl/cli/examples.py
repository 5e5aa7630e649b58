"""Examples of each command, which `--help`, the reference and the man page show: a command line and what it does."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "run": (
        ("mftctl run flow.py alpha=0.1", "run a flow now, on a Temporal server that is started for it"),
        ("mftctl run flow.py --with retry -o jsonl", "an event a line, for programs"),
    ),
    "deploy": (
        ("mftctl deploy flow.py --profile prod", "with the settings of a profile"),
        ("mftctl deploy flow.py --branch staging --tag team:ml --max-workers 16", "a branch of a @project"),
        (
            "mftctl deploy flow.py --package-suffixes .csv,.json --list-package",
            "with data files beside the flow",
        ),
        ("mftctl deploy flow.py --output flow_worker.py", "and a file that serves it: python flow_worker.py"),
    ),
    "worker": (
        ("mftctl worker TrainFlow", "serve one deployment"),
        ("mftctl worker --all --concurrency 8", "serve all that there are, and those to come"),
    ),
    "trigger": (
        ("mftctl trigger TrainFlow alpha=0.1", "start a run, and say its id"),
        ("mftctl trigger TrainFlow --wait --timeout 2h", "wait for its end: exit code 0, 3 or 124"),
    ),
    "runs list": (
        (
            "mftctl runs list --deployment TrainFlow --status failed --since 7d",
            "what failed in the last week",
        ),
        ("mftctl runs list --limit 1 -o name", "the newest run's id"),
    ),
    "runs describe": (
        ("mftctl runs describe @latest --deployment TrainFlow", "the newest run of a deployment"),
        ("mftctl runs describe temporal-trainflow-7qk", "the beginning of an id will do"),
    ),
    "runs watch": (
        ("mftctl runs watch temporal-trainflow-7qk2m9xw4c --timeout 1h", "exit code 0, 3, or 124"),
    ),
    "runs logs": (
        ("mftctl runs logs temporal-trainflow-7qk2m9xw4c train --follow", "of one step, as it goes on"),
        (
            "mftctl runs logs temporal-trainflow-7qk2m9xw4c train/3 --stderr --attempt 0",
            "of one task's attempt",
        ),
    ),
    "runs artifacts": (
        ("mftctl runs artifacts temporal-trainflow-7qk2m9xw4c end", "what the step has left, by name"),
    ),
    "runs report": (
        ("mftctl runs report temporal-trainflow-7qk2m9xw4c -o report.html", "a page for a browser"),
    ),
    "runs resume": (
        ("mftctl runs resume temporal-trainflow-7qk2m9xw4c --wait", "let it go on where it failed"),
        ("mftctl runs resume temporal-trainflow-7qk2m9xw4c --latest-code", "with what was mended since"),
    ),
    "runs pause": (("mftctl runs pause temporal-trainflow-7qk2m9xw4c", "finish what runs, start no more"),),
    "runs unpause": (("mftctl runs unpause temporal-trainflow-7qk2m9xw4c", "go on"),),
    "runs cancel": (
        ("mftctl runs cancel temporal-trainflow-7qk2m9xw4c", "and wait until its tasks have stopped"),
    ),
    "runs terminate": (
        ('mftctl runs terminate temporal-trainflow-7qk2m9xw4c --reason "wrong data"', "at once"),
    ),
    "deployments list": (
        ("mftctl deployments list", "all, with who serves them"),
        ("mftctl deployments list --flow TrainFlow -o name", "the names of one flow's deployments"),
    ),
    "deployments describe": (("mftctl deployments describe TrainFlow", "and who polls its task queue now"),),
    "deployments diff": (
        ("mftctl deployments diff TrainFlow", "what a deploy of the file in this folder would change"),
        ("mftctl deployments diff shop.prod.TrainFlow train.py", "of that file, on the production branch"),
    ),
    "deployments delete": (
        ("mftctl deployments delete TrainFlow --yes", "without being asked, as in a script"),
    ),
    "schedule list": (("mftctl schedule list", "when each is due, or why it is paused"),),
    "schedule describe": (("mftctl schedule describe TrainFlow", "the next times, and the last runs"),),
    "schedule pause": (
        ('mftctl schedule pause TrainFlow --reason "warehouse shut until Monday"', "the reason is kept"),
    ),
    "schedule unpause": (("mftctl schedule unpause TrainFlow", "from the next time on"),),
    "schedule trigger": (("mftctl schedule trigger TrainFlow", "a run as if it were due now"),),
    "schedule backfill": (
        ("mftctl schedule backfill TrainFlow --start 2026-01-01 --end 2026-01-07 --dry-run", "which runs"),
        ("mftctl schedule backfill TrainFlow --start 2026-01-01 --end 2026-01-07", "one after another"),
    ),
    "schedule next": (("mftctl schedule next TrainFlow -n 10", "the next ten times"),),
    "events publish": (
        ("mftctl events publish data_ready path=s3://bucket/x", "with a field of its payload"),
    ),
    "events list": (("mftctl events list", "who waits for what"),),
    "events describe": (("mftctl events describe data_ready", "who waits for it, and what it started"),),
    "profile list": (("mftctl profile list", "all profiles; * is the one in force"),),
    "profile show": (("mftctl profile show prod", "each setting, and where it comes from"),),
    "profile use": (("mftctl profile use dev", "for all commands that name no other"),),
    "profile set": (
        (
            "mftctl profile set prod address=temporal.example.com:7233 production=true tags=team:ml,env:prod",
            "",
        ),
    ),
    "profile unset": (
        ("mftctl profile unset prod tags", "a key"),
        ("mftctl profile unset prod --all", "the profile"),
    ),
    "profile path": (("mftctl profile path", "to open it in an editor"),),
    "profile check": (("mftctl profile check prod", "what does not work, and how to mend it"),),
    "dev": (
        ("mftctl dev", "at the usual ports, 7233 and 8233"),
        ("mftctl dev --port 0 --ui-port 0", "at ports that are free"),
    ),
    "doctor": (
        ("mftctl doctor", "this machine on one page"),
        ("mftctl doctor --clean", "and remove what is not needed"),
    ),
    "help": (
        ("mftctl help exit-codes", "a topic"),
        ("mftctl help runs resume", "a command"),
    ),
    "completion": (
        ("source <(mftctl completion bash)", "in this shell"),
        ("mftctl completion fish > ~/.config/fish/completions/mftctl.fish", "in every one to come"),
    ),
    "schema": (
        ("mftctl schema", "the names"),
        ("mftctl schema deployments.list", "what `mftctl deployments list -o json` writes"),
    ),
}


def epilogue(command: str) -> str:
    """The examples as the help of a command shows them."""
    shown = EXAMPLES.get(command, ())
    lines = [f"  {line}" + (f"\n      {about}" if about else "") for line, about in shown]
    return "\n".join(("Examples:", *lines)) if lines else ""
