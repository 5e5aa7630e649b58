#!/usr/bin/env bash
# Metaflow's own acceptance tests, test/ux, deployed to a real Temporal server with a worker beside it.
# usage: tests/ux.sh CHECKOUT-OF-METAFLOW [arguments of pytest]
set -euo pipefail
checkout=$(cd -- "${1:?usage: ux.sh CHECKOUT-OF-METAFLOW [arguments of pytest]}" && pwd)
shift
[ -f "$checkout/test/ux/conftest.py" ] || { echo "ux: $checkout has no test/ux: it is no checkout of Netflix/metaflow" >&2; exit 2; }

folder=$(mktemp -d)
# A home of its own, and nothing written into the checkout. The tests' own default is Metaflow's development stack.
export HOME=$folder TMPDIR=$folder PYTHONPYCACHEPREFIX=$folder/pycache
export MFTCTL_DATA=$folder/data MFTCTL_CACHE=$folder/cache METAFLOW_HOME=$folder/metaflow METAFLOW_PROFILE=
export METAFLOW_USER=tester METAFLOW_DEFAULT_METADATA=local METAFLOW_DEFAULT_DATASTORE=local
export METAFLOW_DATASTORE_SYSROOT_LOCAL=$folder
unset TEMPORAL_ADDRESS MFTCTL_ADDRESS MFTCTL_PROFILE MFTCTL_CONFIG

cd "$folder"
started=()
finish() {
    code=$?
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    wait
    if [ "$code" -eq 0 ]; then rm -rf "$folder"; else echo "ux: the logs are in $folder" >&2; fi
    exit "$code"
}
trap finish EXIT

# wait_for FILE PROCESS: until the process has written something into its file
wait_for() {
    until [ -s "$1" ]; do
        kill -0 "$2" 2>/dev/null || { cat "$folder"/*.log >&2; exit 1; }
        sleep 0.1
    done
}
mftctl dev --port 0 --ui-port 0 >server.out 2>server.log &
started=($!)
wait_for server.out $!
# What flows of the suite ask for with @resources, though nothing may be behind it.
mftctl worker --all --cpu 16 --memory 64G --gpu 1 >worker.log 2>&1 &
started=($! "${started[@]}")
wait_for worker.log $!

# conda needs a download from its own servers; `-m ""` runs its test, too
pytest "$checkout/test/ux" --scheduler-type temporal --exec-mode deployer -m "not conda" -ra -p no:cacheprovider "$@"
