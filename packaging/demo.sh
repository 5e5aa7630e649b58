#!/bin/sh
# Run a flow of Metaflow's own tutorials, as it comes, with dist/mftctl; nothing is left behind.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tutorials=$(python -c 'import importlib.util, pathlib; print(pathlib.Path(importlib.util.find_spec("metaflow").origin).with_name("tutorials"))')

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cp -R "$tutorials/01-playlist/." "$folder"
cd "$folder"

# Everything in this folder, whatever datastore the user's own Metaflow is set to.
export METAFLOW_DEFAULT_DATASTORE=local METAFLOW_DEFAULT_METADATA=local
# Metaflow wants to know whose run it is, and takes root for nobody.
case "${METAFLOW_USER:-${SUDO_USER:-${USERNAME:-${USER:-root}}}}" in root) export METAFLOW_USER=demo ;; esac

echo "mftctl run playlist.py   (in $folder)"
"$root/dist/mftctl" run playlist.py
echo
echo "The result, read with Metaflow's client:"
python - <<'PYTHON'
from metaflow import Flow, namespace

namespace(None)
run = Flow("PlayListFlow").latest_run
print(f"{run.pathspec} successful={run.successful}")
for title in run.data.playlist:
    print(f"  {title}")
PYTHON
