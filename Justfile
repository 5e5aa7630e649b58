# Recipes run through ./just, which makes .venv first.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

export PATH := justfile_directory() / ".venv" / "bin" + ":" + env("PATH")

# uv trusts the certificates that the machine trusts, as pip does, and not a list of its own
export UV_SYSTEM_CERTS := "1"

# Python keeps what it has compiled, whatever a container's environment says: each of many processes would compile it again
export PYTHONDONTWRITEBYTECODE := ""

# pytest processes at once: tests wait for servers half their time; MFTCTL_TEST_WORKERS=0 runs all in one, for a debugger
workers := env("MFTCTL_TEST_WORKERS", "5")

# list the recipes
default:
    @just --justfile "{{ justfile() }}" --list

# make dist/mftctl, the one file that users run
build:
    python packaging/build_zipapp.py

# build, then run Metaflow's tutorial 01-playlist with it, in a fresh folder
demo: build
    packaging/demo.sh

# record a real `mftctl run` as docs/assets/run.svg
demo-recording: build
    python packaging/recording.py

# all tests; arguments go to pytest
test *args:
    pytest -n {{ workers }} "$@"

# make the files of a release in dist/release/VERSION (docs/how-to/release.md); `just release --draft` skips its checks
release *args:
    python packaging/release.py "$@"

# tests of modules, without a server
unit *args:
    pytest -n {{ workers }} tests/unit "$@"

# tests of dist/mftctl and of real runs
e2e *args:
    pytest -n {{ workers }} --ignore tests/unit "$@"

# what CI wants of the code's form, types and arrows
lint:
    ruff format --check
    ruff check
    mypy
    lint-imports --no-logo

# put the code into its form
fmt:
    ruff check --fix-only --quiet
    ruff format

# make the documentation site, dist/docs; a dead link, a missing anchor or a page in no menu is an error
docs *args:
    sphinx-build --builder html --fresh-env --write-all --fail-on-warning --keep-going --nitpicky --quiet "$@" docs dist/docs
    @echo "dist/docs/index.html"

# draw docs/diagrams/*.svg from the text beside them
diagrams:
    for text in docs/diagrams/*.d2; do d2 --theme 0 --dark-theme 200 --pad 10 "$text" "${text%.d2}.svg"; done

# remake what is made from code: docs/reference/commands, and what packaging/option_table.py makes of the options of `deploy`
reference:
    python packaging/reference.py
    python packaging/option_table.py

# record histories of runs of every shape with the engine as it is, for all later builds to replay (docs/how-to/upgrades.md)
record-histories *args:
    python tests/histories/record.py "$@"

# measure what users wait for: each script of benchmarks/
bench: build
    for script in benchmarks/*.py; do python "$script"; done

# long runs under faults and load, two at once
soak *args:
    pytest -n 2 -m soak "$@"

# many deployments, wide and long runs, one after the other, with their figures
scale *args:
    pytest -n 0 -m scale -s tests/scale "$@"

# keep what `python flow.py run` leaves behind, for the fidelity suite: what is missing or of another flow, or `all`
references which="stale":
    MFTCTL_FIDELITY_REFRESH={{ which }} pytest -n {{ workers }} -m soak tests/fidelity/test_reference.py \
        tests/fidelity/test_random.py::test_local_runs_are_as_described
    MFTCTL_FIDELITY_REFRESH={{ which }} pytest -n 0 tests/fidelity/test_random.py

# Metaflow's own acceptance tests, of a checkout of Netflix/metaflow: `just ux PATH [arguments of pytest]` (12 minutes)
ux checkout *args:
    tests/ux.sh "$@"

# remake the hash-pinned locks from pyproject.toml; `just lock --upgrade` takes newer versions
lock *args:
    packaging/lock.sh "$@"
