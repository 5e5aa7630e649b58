"""The table of wrong uses of the command line: what each is answered with."""

from __future__ import annotations

from dataclasses import dataclass

#: Where no server answers, and a run that there is.
NOBODY = "127.0.0.1:1"
RUN = "temporal-plainflow-wronguses"


@dataclass(frozen=True)
class Wrong:
    """A wrong use: the arguments, exit code, error code, and words of the message and of the hint."""

    words: str
    exit: int
    code: str
    message: str
    hint: str
    env: tuple[tuple[str, str], ...] = ()


def env(**variables: str) -> tuple[tuple[str, str], ...]:
    return tuple(variables.items())


TABLE = [
    # what is not understood
    Wrong("deplyo x", 2, "usage", "deplyo", "mftctl --help"),
    Wrong("runs resumee x", 2, "usage", "resumee", "mftctl runs --help"),
    Wrong("trigger", 2, "usage", "NAME", "mftctl trigger --help"),
    Wrong("deploy flow.py --bogus", 2, "usage", "--bogus", "mftctl deploy --help"),
    Wrong("trigger Plain --alpha 1", 2, "usage", "--alpha", "name=value"),
    Wrong("trigger Plain --no-wait --timeout 1m", 2, "usage", "together", "--timeout implies --wait"),
    Wrong("runs list --address=", 2, "usage", "--address is empty", "leave it out"),
    Wrong("runs list --profile=", 2, "usage", "--profile is empty", "leave it out"),
    Wrong(
        "deploy flow.py --temporal-namespace=", 2, "usage", "--temporal-namespace is empty", "leave it out"
    ),
    Wrong("schedule backfill Daily --start 2099-01-01 --end 2099-02-01", 2, "usage", "not come yet", "past"),
    Wrong("deploy flow.py --notify-url https://[x", 2, "usage", "https://[x", "a host"),
    Wrong("deploy flow.py --notify-url https://", 2, "usage", "https://", "a host"),
    Wrong("trigger Plain -o xml", 2, "usage", "xml", "mftctl trigger --help"),
    Wrong("deploy flow.py --max-workers many", 2, "usage", "many", "mftctl deploy --help"),
    Wrong("deploy flow.py --max-workers 0", 2, "usage", "1 or more", "leave it out"),
    Wrong("deploy flow.py --priority 9", 2, "usage", "9", "leave it out"),
    Wrong("run flow.py --task-queue q", 2, "usage", "--task-queue", "mftctl run --help"),
    Wrong("deploy flow.py --workflow-timeout soon", 2, "usage", "'soon' is not a duration", "15m"),
    Wrong("deploy flow.py --catchup-window 3x", 2, "usage", "--catchup-window", "15m"),
    Wrong("deploy flow.py --schedule-overlap twice", 2, "usage", "twice", "mftctl deploy --help"),
    Wrong("deploy flow.py --notify-url ftp://x", 2, "usage", "ftp://x", "https://"),
    Wrong(f"deploy flow.py --tag {'x' * 501}", 2, "tag.invalid", "too long", "--tag"),
    Wrong("deploy flow.py --config only-a-name", 2, "usage", "--config", "mftctl deploy --help"),
    Wrong("deploy flow.py --python no-such-python", 2, "python.missing", "no-such-python", "--python"),
    Wrong("worker", 2, "usage", "--all", "mftctl worker --help"),
    Wrong("worker x --queue q", 2, "usage", "together", "mftctl worker --help"),
    Wrong("worker --all --queue q", 2, "usage", "together", "mftctl worker --help"),
    Wrong("worker --queue=", 2, "usage", "--queue: ''", "name a task queue"),
    Wrong("runs describe Flow/", 4, "run.unknown", "there is no run 'Flow/'", "mftctl runs list"),
    Wrong("worker --queue=/_sys/q", 2, "usage", "Temporal's own", "name a task queue"),
    Wrong("deploy flow.py --task-queue=/_sys/q", 2, "usage", "'/_sys/q' is not the name", "the default"),
    Wrong("worker x --isolation thread", 2, "usage", "thread", "fork"),
    Wrong("worker x --concurrency 0", 2, "usage", "--concurrency", "core"),
    Wrong("dev --port http", 2, "usage", "http", "mftctl dev --help"),
    Wrong("completion tcsh", 2, "usage", "tcsh", "mftctl completion --help"),
    Wrong("schema schedule.lst", 4, "schema.unknown", "schedule.lst", "schedule.list"),
    Wrong("help tea", 4, "topic.unknown", "tea", "exit-codes"),
    Wrong("schedule next Daily -n 0", 2, "usage", "0", "5"),
    Wrong("schedule backfill Daily --start 2026-01-01", 2, "usage", "--end", "--help"),
    Wrong("schedule backfill Daily --start May --end June", 2, "usage", "'May' is not a time", "2026-01-31"),
    Wrong("schedule backfill Daily --start 2026-02-01 --end 2026-01-01", 2, "usage", "before", "swap"),
    Wrong(
        "schedule backfill Daily --start 2020-01-01 --end 2026-01-01", 2, "schedule.many", "1000", "shorter"
    ),
    Wrong("events publish x --id=", 2, "usage", "--id", "leave it out"),
    Wrong("events publish a/b", 2, "event.name", "a/b", "letters"),
    Wrong("trigger Plain alpha", 2, "parameter.invalid", "'alpha' is not a parameter", "name=value"),
    Wrong("trigger Plain --timeout never", 2, "usage", "--timeout", "15m"),
    # files
    Wrong("deploy gone.py", 2, "flow.missing", "gone.py: no such file", "Python file"),
    Wrong("run folder", 2, "flow.missing", "folder: is a folder", "Python file"),
    Wrong("deploy noflow.py", 2, "flow.none", "noflow.py", "FlowSpec"),
    Wrong("deploy broken.py", 2, "flow.invalid", "no outgoing transitions", ""),
    Wrong("worker noflow.py", 2, "workerfile", "noflow.py", "--output"),
    Wrong("deployments diff Plain", 2, "flow.missing", "plain.py", "mftctl deployments diff Plain FLOW.py"),
    # settings
    Wrong("profile set p adress=x", 2, "usage", "adress", "address"),
    Wrong("profile set p max_workers=many", 2, "usage", "max_workers", ""),
    Wrong("profile set p address=nonsense", 2, "temporal.address", "'nonsense'", "HOST:PORT"),
    Wrong("profile set p address", 2, "usage", "has no value", "key=value"),
    Wrong("profile unset p", 2, "usage", "name keys", "--help"),
    Wrong("profile use nobody", 2, "profile.unknown", "nobody", "prod"),
    Wrong("deployments list --profile prdo", 2, "profile.unknown", "prdo", "'prod'"),
    Wrong("deployments list", 2, "profile.unknown", "MFTCTL_PROFILE", "'prod'", env(MFTCTL_PROFILE="porod")),
    Wrong("deployments list", 2, "profile.file", "bad.toml", "brackets", env(MFTCTL_CONFIG="bad.toml")),
    Wrong(
        "deployments list --profile prod",
        2,
        "profile.type",
        "typed.toml:2",
        "",
        env(MFTCTL_CONFIG="typed.toml"),
    ),
    Wrong(
        "deployments list --profile prod",
        2,
        "profile.key",
        "key.toml:2",
        "address",
        env(MFTCTL_CONFIG="key.toml"),
    ),
    Wrong(
        "profile set p tls=true",
        1,
        "profile.write",
        "/sys/",
        "MFTCTL_CONFIG",
        env(MFTCTL_CONFIG="/sys/mftctl/config.toml"),
    ),
    Wrong("deploy flow.py", 2, "variable", "MFTCTL_MAX_WORKERS", "", env(MFTCTL_MAX_WORKERS="x")),
    # the server
    Wrong(f"trigger Plain --address {NOBODY}", 5, "temporal.unreachable", NOBODY, "mftctl dev"),
    Wrong("trigger Plain --address no.host.invalid:7233", 5, "temporal.dns", "no.host.invalid", "spelling"),
    Wrong(
        "trigger Plain --address REFUSING",
        5,
        "temporal.refused",
        "REFUSING",
        "key",
        env(TEMPORAL_API_KEY="expired", TEMPORAL_TLS="false"),
    ),
    Wrong("deployments list --temporal-namespace gone", 5, "temporal.namespace", "gone", "namespace create"),
    Wrong("schedule list --timeout 1ms", 124, "timeout", "not done after", ""),
    # what is not there, or not one
    Wrong("trigger Nobody", 4, "deployment.unknown", "'Nobody'", "existing deployments: "),
    Wrong(
        "deployments describe Twin", 4, "deployment.ambiguous", "'Twin' is ambiguous", "a.b.Twin or a.c.Twin"
    ),
    Wrong("deployments delete Nobody --yes", 4, "deployment.unknown", "'Nobody'", "existing deployments: "),
    Wrong("schedule pause Nobody", 4, "deployment.unknown", "'Nobody'", "existing deployments: "),
    Wrong("runs pause temporal-none", 4, "run.unknown", "temporal-none", "mftctl runs list"),
    Wrong("runs resume none", 4, "run.unknown", "none", "mftctl runs list"),
    Wrong("events describe never", 4, "event.unknown", "never", "mftctl events list"),
    # what cannot be done to it
    Wrong("trigger Plain beta=1", 2, "parameter.invalid", "beta", "alpha"),
    Wrong("trigger Plain alpha=one", 2, "parameter.invalid", "alpha", "whole number"),
    Wrong("trigger Plain", 2, "parameter.invalid", "alpha", "alpha=VALUE"),
    Wrong("schedule pause Plain", 6, "schedule.none", "Plain has no schedule", "mftctl trigger Plain"),
    Wrong("schedule unpause Daily --strict", 6, "schedule.unchanged", "was not paused", ""),
    Wrong("schedule pause Foreign", 6, "token.wrong", "somebody", "--authorize"),
    Wrong("deployments delete Foreign --yes", 6, "token.wrong", "somebody", "--authorize"),
    Wrong("deployments delete Plain", 2, "confirm", "Plain", "--yes"),
    Wrong(f"runs pause {RUN}", 6, "run.over", "terminated", ""),
    # values that would be taken for others
    Wrong("deploy flow.py --output flow.py", 2, "workerfile", "flow.py is there", "another file"),
    Wrong("deploy worker.py", 2, "flow.none", "worker.py is a worker file", "python worker.py"),
    Wrong("run worker.py", 2, "flow.none", "worker.py is a worker file", "python worker.py"),
    Wrong("run flow.py --isolation thread", 2, "usage", "thread", "fork"),
    Wrong("run flow.py --host-max-age x", 2, "usage", "'x' is not a duration", "15m"),
    Wrong("deploy flow.py --new-token=", 2, "usage", "'' is not a token", "no blank"),
    Wrong("deploy flow.py --new-token=a --generate-new-token", 2, "usage", "together", "name one"),
    Wrong("deploy flow.py --name=", 2, "usage", "the name is empty", "leave it out"),
    Wrong("deploy flow.py --task-queue=", 2, "usage", "'' is not the name", "the default"),
    Wrong("deploy flow.py --notify-key-env=s3cret!", 2, "usage", "name of an environment variable", ""),
    Wrong("workers list --queue=", 2, "usage", "--queue: ''", "mftctl queues list"),
    Wrong(f"workers list --queue={'a' * 3000}", 2, "usage", "--queue", "mftctl queues list"),
    Wrong(f"runs list --temporal-namespace {'a' * 3000}", 2, "temporal.refused", "refuses this", ""),
    Wrong("runs describe temporal-x%_\\\\", 4, "run.unknown", "there is no run", "mftctl runs list"),
    Wrong(f"runs terminate Other/{RUN} --yes", 4, "run.unknown", f"Other/{RUN}", "mftctl runs list"),
    Wrong(
        "schedule backfill Daily --start 0001-01-01 --end 0001-01-02", 2, "usage", "0001-01-01", "2026-01-31"
    ),
    Wrong("runs list --since 0001-01-01", 2, "usage", "0001-01-01", "2h"),
    Wrong(
        "deployments delete Only --yes", 4, "deployment.unknown", "there is no deployment 'Only'", "a.b.Only"
    ),
    Wrong("trigger \udcff", 2, "usage", "not valid UTF-8", "in UTF-8"),
    Wrong("profile set p metrics=x", 2, "usage", "'x' is not HOST:PORT", ":9464"),
    Wrong("profile set p cpu=x", 2, "usage", "'x' is not a positive number", "8"),
    Wrong("profile set p memory=0", 2, "usage", "'0' is not an amount", "32G"),
    Wrong("profile set p gpu=1.5", 2, "usage", "'1.5' is not a whole number", "0 for none"),
    Wrong("profile set p notify_url=ftp://x", 2, "usage", "ftp://x", "https://"),
    Wrong("profile set p deployment_version=a:b:c", 2, "usage", "a:b", "BUILD"),
    Wrong("profile set p notify_key_env=a-b", 2, "usage", "name of an environment variable", ""),
]
