#!/bin/sh
# Remake requirements/*.txt from pyproject.toml. There is no uv.lock, since it names a registry's host.
set -eu
cd "$(dirname -- "$0")/.."

compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@" >/dev/null
}

compile pyproject.toml --output-file requirements/runtime.txt "$@"
# What ships is what is tested: the development lock takes the runtime's versions.
compile pyproject.toml --output-file requirements/dev.txt --group dev --constraint requirements/runtime.txt "$@"
# What packaging/Dockerfile builds the zipapp with.
printf 'hatchling\nshiv\nuv\n' | compile - --constraint requirements/dev.txt --output-file requirements/build.txt "$@"
# The oldest Metaflow that is supported, and what the flows of the tests import: an interpreter of its own for them.
oldest=$(sed -n 's/.*"metaflow>=\([0-9.]*\)".*/\1/p' pyproject.toml)
printf 'metaflow==%s\nnumpy\n' "$oldest" | compile - --output-file requirements/metaflow-oldest.txt "$@"
