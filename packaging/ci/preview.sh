#!/usr/bin/env bash
# Deploy a flow with @project on a branch of its own, run it, write its report, and delete the deployment:
#
#     preview.sh FLOW.py BRANCH [NAME=VALUE...]
#
# Its tasks run in a worker that it starts. It writes report.html and summary.md (Markdown) to the folder
# PREVIEW_FOLDER (default: preview), with the worker's log, and waits PREVIEW_TIMEOUT (default: 1h) for the run.
# Exit code: that of `mftctl trigger --wait`, or of the deploy if that fails. Further options of the deploy are in
# PREVIEW_DEPLOY_OPTIONS, separated by spaces.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: preview.sh FLOW.py BRANCH [NAME=VALUE...]" >&2
    exit 2
fi
flow=$1
# @project takes lower case, digits and underscores.
branch=$(printf %s "$2" | LC_ALL=C tr '[:upper:]' '[:lower:]' | LC_ALL=C tr -cs 'a-z0-9' '_')
shift 2
folder=${PREVIEW_FOLDER:-preview}
mkdir -p "$folder"
rm -f "$folder"/{report.html,run-id,summary.md,worker.log}
read -ra options <<<"${PREVIEW_DEPLOY_OPTIONS:-}"

processes=()
name=$(mktemp) # of the deployment
deploying=""
ended=false
run_id() { cat "$folder/run-id" 2>/dev/null || true; }
# shellcheck disable=SC2329 # called by the trap
leave() {
    if [ -n "$(run_id)" ] && ! $ended; then mftctl runs cancel "$(run_id)" --quiet || true; fi
    # A deploy takes seconds, and says its name when it has registered the deployment.
    if [ -n "$deploying" ]; then wait "$deploying" || true; fi
    if [ -s "$name" ]; then mftctl deployments delete "$(cat "$name")" --yes --quiet || true; fi
    rm -f "$name"
    for process in "${processes[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" || true
    done
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# In the background: a job that is cancelled has a few seconds to clean up, and bash waits for a command before a trap.
# A task queue of its own: other workers do not take its tasks, nor its worker theirs.
mftctl deploy "$flow" --branch "$branch" --no-production \
    --task-queue "preview-$branch-$(basename "$flow" .py)" "${options[@]}" -o name >"$name" &
deploying=$!
wait "$deploying"
deploying=""
deployment=$(cat "$name")

mftctl worker "$deployment" 2>"$folder/worker.log" &
processes+=($!)

code=0
mftctl trigger "$deployment" "$@" --timeout "${PREVIEW_TIMEOUT:-1h}" --run-id-file "$folder/run-id" \
    --quiet -o name &
processes+=($!)
wait $! || code=$?

case $code in
0) outcome="completed" && ended=true ;;
3) outcome="did not complete" && ended=true ;;
124) outcome="cancelled after ${PREVIEW_TIMEOUT:-1h}" && mftctl runs cancel "$(run_id)" --quiet && ended=true ;;
*) outcome="could not be followed to its end (exit code $code)" ;;
esac
run=$(run_id)
{
    echo "**$flow** on branch \`$branch\`: $outcome"
    if [ -n "$run" ]; then
        mftctl runs report "$run" -o "$folder/report.html" --quiet || true
        printf '\n```\n'
        mftctl runs describe "$run" || true
        printf '```\n'
    fi
} >"$folder/summary.md"
cat "$folder/summary.md"
exit "$code"
