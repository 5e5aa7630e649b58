"""Examples of each command for `--help`, the reference and the man page."""

from __future__ import annotations

#: Command lines and what they do.
_EXAMPLES = """
mftctl run flow.py alpha=0.1  # run a flow now, on an embedded Temporal server
mftctl run flow.py --with retry -o jsonl  # print one event per line, for programs
mftctl deploy flow.py --profile prod  # use the settings of a profile
mftctl deploy flow.py --branch staging --tag team:ml --max-workers 16  # deploy a branch of a @project
mftctl deploy flow.py --package-suffixes .csv,.json --list-package  # package data files beside the flow
mftctl deploy flow.py --output flow_worker.py  # write a worker file, too: python flow_worker.py
mftctl worker TrainFlow  # serve one deployment
mftctl worker --all --concurrency 8  # serve all deployments, also future ones
mftctl worker --all --metrics :9464  # with metrics for Prometheus, and probes
mftctl worker --queue training  # serve what is deployed with --task-queue training
mftctl trigger TrainFlow alpha=0.1  # start a run and print its id
mftctl trigger TrainFlow --wait --timeout 2h  # wait until it ends: exit code 0, 3 or 124
mftctl runs list --deployment TrainFlow --status failed --since 7d  # list what failed in the last week
mftctl runs list --limit 1 -o name  # print the id of the newest run
mftctl runs list --watch --status running  # watch what runs, until Ctrl-C
mftctl runs top  # show what runs where and since when, until Ctrl-C
mftctl runs top -o jsonl  # print each task of an open run once, for programs
mftctl runs describe @latest --deployment TrainFlow  # show the newest run of a deployment
mftctl runs describe temporal-trainflow-7qk  # name a run by the beginning of its id
mftctl runs watch temporal-trainflow-7qk2m9xw4c --timeout 1h  # wait until it ends: exit code 0, 3 or 124
mftctl runs logs temporal-trainflow-7qk2m9xw4c train --follow  # follow the logs of one step
mftctl runs logs temporal-trainflow-7qk2m9xw4c train/3 --stderr --attempt 0  # show the stderr of one attempt of a task
mftctl runs artifacts temporal-trainflow-7qk2m9xw4c end  # show the artifacts of a step
mftctl runs report temporal-trainflow-7qk2m9xw4c -o report.html  # write a page for a browser
mftctl runs resume temporal-trainflow-7qk2m9xw4c --wait  # continue where it failed
mftctl runs resume temporal-trainflow-7qk2m9xw4c --latest-code  # continue with the newest version
mftctl runs pause temporal-trainflow-7qk2m9xw4c  # finish running tasks, start no new ones
mftctl runs unpause temporal-trainflow-7qk2m9xw4c  # continue
mftctl runs cancel temporal-trainflow-7qk2m9xw4c  # cancel a run and wait until its tasks have stopped
mftctl runs terminate temporal-trainflow-7qk2m9xw4c --reason "wrong data"  # terminate a run at once
mftctl deployments list  # list all deployments and their workers
mftctl deployments list --flow TrainFlow -o name  # print the names of one flow's deployments
mftctl deployments describe TrainFlow  # show a deployment and its workers
mftctl deployments diff TrainFlow  # compare with the file in this folder
mftctl deployments diff shop.prod.TrainFlow train.py  # compare a production branch with a file
mftctl deployments delete TrainFlow --yes  # delete without confirmation, as in a script
mftctl schedule list  # list schedules and when they are due
mftctl schedule describe TrainFlow  # show the next times and the last runs
mftctl schedule pause TrainFlow --reason "warehouse shut until Monday"  # pause with a reason
mftctl schedule unpause TrainFlow  # start runs again from the next time on
mftctl schedule trigger TrainFlow  # start a run as if it were due now
mftctl schedule backfill TrainFlow --start 2026-01-01 --end 2026-01-07 --dry-run  # list the runs
mftctl schedule backfill TrainFlow --start 2026-01-01 --end 2026-01-07  # start them one after another
mftctl schedule next TrainFlow -n 10  # show the next ten times
mftctl queues list  # show what waits where, and how many workers there are
mftctl queues list -o jsonl  # print one task queue per line, for programs
mftctl workers list  # show who is there, and which slots are free
mftctl workers list --queue training  # show who serves one task queue
mftctl workers versions  # show which version takes new runs
mftctl workers promote v2  # let workers of version v2 take new runs
mftctl workers drain v1 --to v2  # let v2 take new runs, and wait until v1 has none
mftctl events publish data_ready path=s3://bucket/x  # publish an event with a field in its payload
mftctl events list  # list events and who waits for them
mftctl events describe data_ready  # show who waits for an event
mftctl profile list  # list profiles; * marks the one in force
mftctl profile show prod  # show each setting and where it comes from
mftctl profile use dev  # use a profile by default
mftctl profile set prod address=temporal.example.com:7233 production=true tags=team:ml,env:prod  # set several keys
mftctl profile unset prod tags  # remove a key
mftctl profile unset prod --all  # remove the profile
mftctl profile path  # print the path, for an editor
mftctl profile check prod  # show what does not work and how to fix it
mftctl dev  # run it at ports 7233 and 8233
mftctl dev --port 0 --ui-port 0  # run it at free ports
mftctl doctor  # diagnose this installation
mftctl doctor --clean  # remove caches that are not needed, too
mftctl help exit-codes  # show a topic
mftctl help runs resume  # show the help of a command
source <(mftctl completion bash)  # complete in this shell
mftctl completion fish > ~/.config/fish/completions/mftctl.fish  # complete in every future shell
mftctl schema  # list the schemas
mftctl schema deployments.list  # print the schema of `mftctl deployments list -o json`
"""


def examples(command: str) -> list[tuple[str, str]]:
    """The examples of a command: command lines and what they do."""
    parts = (example.partition("  # ") for example in _EXAMPLES.strip().splitlines())
    return [(line, about) for line, _, about in parts if f"mftctl {command} " in f"{line} "]


def epilogue(command: str) -> str:
    """The examples as the help of a command shows them."""
    lines = [f"  {line}\n      {about}" for line, about in examples(command)]
    return "\n".join(("Examples:", *lines)) if lines else ""
