#!/bin/sh
# Remake requirements/*.txt from pyproject.toml. There is no uv.lock, since it names a registry's host.
set -eu
cd "$(dirname -- "$0")/.."

compile() {
    uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@" >/dev/null
}

compile --output-file requirements/runtime.txt "$@"
# What ships is what is tested: the development lock takes the runtime's versions.
compile --output-file requirements/dev.txt --group dev --constraint requirements/runtime.txt "$@"
