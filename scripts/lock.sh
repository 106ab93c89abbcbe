#!/bin/sh
# Writes requirements.lock and requirements-dev.lock from pyproject.toml: every version pinned, every file hashed.
#
#   scripts/lock.sh             keep the pinned versions that still fit
#   scripts/lock.sh --upgrade   take the newest versions that fit
#   scripts/lock.sh --check     exit 1 when the locks are not what pyproject.toml asks for; writes nothing
#
# requirements.lock      what runs, and what the editable install of the project needs (its build backend)
# requirements-dev.lock  the same versions, and the tools of the `dev` group
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

python=.venv/bin/python
if [ -x .venv/bin/uv ]; then uv=.venv/bin/uv; else uv=uv; fi
if ! "$uv" --version >/dev/null 2>&1 || ! "$python" --version >/dev/null 2>&1; then
    say 'lock: needs the development tools: run scripts/setup.sh dev first.'
    exit 1
fi

# A hash of what the locks are made from. It stands in each lock's first line, so that a check needs no network.
inputs=$("$python" scripts/lock_inputs.py)

first_line() {
    printf '# pyproject: %s. Written by `make lock`; not to be edited.\n' "$inputs"
}

compile() { # compile OUTPUT [uv arguments...]
    output=$1
    shift
    "$python" scripts/lock_inputs.py --build-requirements |
        "$uv" pip compile pyproject.toml - "$@" --quiet --universal --python-version 3.11 --generate-hashes \
            --no-emit-index-url --no-emit-find-links --no-header --no-annotate --output-file "$output" >/dev/null
}

# resolve DIRECTORY [--upgrade]: the larger set first, the smaller one within it, so that they cannot disagree.
# Each failure is returned by hand: `set -e` does not hold in a function whose result is asked for.
resolve() {
    directory=$1
    shift
    compile "$directory/requirements-dev.lock" --group dev "$@" || return 1
    compile "$directory/requirements.lock" --constraint "$directory/requirements-dev.lock" "$@" || return 1
    for name in requirements.lock requirements-dev.lock; do
        { first_line && cat "$directory/$name"; } >"$directory/$name.new"
        mv "$directory/$name.new" "$directory/$name"
    done
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for name in requirements.lock requirements-dev.lock; do
    if [ -f "$name" ]; then cp "$name" "$scratch/$name"; fi
done

case "${1:-}" in
--check)
    for name in requirements.lock requirements-dev.lock; do
        if [ "$(head -n 1 "$name" 2>/dev/null)" != "$(first_line)" ]; then
            say "lock: $name was made from other dependencies than pyproject.toml has now. Run \`make lock\`."
            exit 1
        fi
    done
    if ! resolve "$scratch" 2>"$scratch/errors"; then
        if grep -q 'No solution found' "$scratch/errors"; then
            cat "$scratch/errors" >&2
            exit 1
        fi
        say 'lock: no package index answers, so only the hash of the dependencies was compared. It fits.'
        exit 0
    fi
    for name in requirements.lock requirements-dev.lock; do
        if ! diff -u "$name" "$scratch/$name" >"$scratch/difference"; then
            say "lock: $name is not what the package index gives for pyproject.toml. Run \`make lock\`."
            head -n 40 "$scratch/difference" >&2
            exit 1
        fi
    done
    say 'lock: both are up to date.'
    ;;
'' | --upgrade)
    resolve "$scratch" ${1:+"$1"}
    for name in requirements.lock requirements-dev.lock; do cp "$scratch/$name" "$name"; done
    say 'lock: wrote requirements.lock and requirements-dev.lock.'
    ;;
*)
    say 'usage: scripts/lock.sh [--upgrade | --check]'
    exit 2
    ;;
esac
