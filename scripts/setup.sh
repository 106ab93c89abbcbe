#!/bin/sh
# Makes .venv and installs Ponte into it from a hashed lock. Quick when there is nothing to do.
#
#   scripts/setup.sh runtime        what `make demo` and the container image need
#   scripts/setup.sh dev            that, and the tools of `make test` and `make check`
#   scripts/setup.sh dependencies   the runtime's packages without Ponte itself: a layer of the container image
#   scripts/setup.sh python         print which Python would be used, and change nothing
#
# PYTHON=/path/to/python picks the interpreter; else the newest Python that Ponte was made for is looked for.
# Uses uv when it is installed, else pip. Downloads no interpreter.
set -eu
cd "$(dirname "$0")/.."

# Newest first. The locked packages have wheels for these; a newer one would have to build them from source.
minors='14 13 12 11'

say() { printf '%s\n' "$*" >&2; }

case "${1:-}" in
runtime | dependencies) lock=requirements.lock ;;
dev) lock=requirements-dev.lock ;;
python) lock= ;;
*)
    say 'usage: scripts/setup.sh runtime|dev|dependencies|python'
    exit 2
    ;;
esac
kind=$1

# A pyenv shim is an executable file also for versions that cannot run, so only a run counts.
version_of() {
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null
}

supported() {
    version=$(version_of "$1") || return 1
    for minor in $minors; do
        case "$version" in 3."$minor".*) return ;; esac
    done
    return 1
}

has_uv=no
if uv --version >/dev/null 2>&1; then has_uv=yes; fi

candidates() { # of one minor version, one path a line
    printf 'python3.%s\n' "$1"
    ls -d "$HOME"/.pyenv/versions/3."$1".*/bin/python3 /opt/homebrew/opt/python@3."$1"/bin/python3."$1" \
        /usr/local/opt/python@3."$1"/bin/python3."$1" 2>/dev/null | sort -r || true
    if [ "$has_uv" = yes ]; then
        UV_PYTHON_DOWNLOADS=never uv python find --no-project --system "3.$1" 2>/dev/null || true
    fi
    printf 'python3\npython\n'
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        if supported "$PYTHON"; then
            command -v "$PYTHON"
            return
        fi
        say "setup: PYTHON=$PYTHON does not run, or is not Python 3.11 to 3.14."
        return 1
    fi
    for minor in $minors; do
        for candidate in $(candidates "$minor"); do
            version=$(version_of "$candidate") || continue
            case "$version" in
            3."$minor".*)
                command -v "$candidate"
                return
                ;;
            esac
        done
    done
    say 'setup: no Python 3.11 to 3.14 was found. Install one:'
    say '  Debian, Ubuntu: sudo apt-get install python3 python3-venv      macOS: brew install python@3.13'
    say 'or name one: PYTHON=/path/to/python3.13 make demo'
    return 1
}

checksum() { # of the files' contents, the same on Linux and macOS
    cat "$@" | cksum | tr ' ' '-'
}

# Debian and Ubuntu keep the part of venv that brings pip in a package of its own.
ensure_pip_can_come() {
    if [ "$has_uv" = yes ] || "$1" -c 'import ensurepip' 2>/dev/null; then return; fi
    package=python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    as_root=
    if [ "$(id -u)" != 0 ]; then as_root='sudo -n'; fi
    if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
        say "setup: installing $package, which this Python needs to make an environment ..."
        if $as_root apt-get install -y -qq --no-install-recommends "$package" >&2 ||
            { $as_root apt-get update -qq >&2 &&
                $as_root apt-get install -y -qq --no-install-recommends "$package" >&2; }; then
            return
        fi
    fi
    say "setup: $1 cannot make an environment with pip. Install its venv package and run this again:"
    say "  sudo apt-get install $package"
    exit 1
}

make_venv() {
    python=$(find_python) || exit 1
    ensure_pip_can_come "$python"
    say "setup: making .venv with $("$python" --version 2>&1) ..."
    rm -rf .venv
    if [ "$has_uv" = yes ]; then
        uv venv --quiet --no-project --python "$python" .venv
    else
        "$python" -m venv .venv
    fi
}

install() { # pip's arguments, which uv takes too
    if [ "$has_uv" = yes ]; then
        VIRTUAL_ENV="$PWD/.venv" uv pip install --quiet --python .venv/bin/python "$@"
    else
        .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input "$@"
    fi
}

# Where the checkout was moved, the environment's scripts and its link to the project point to the old place.
usable() {
    supported .venv/bin/python || return 1
    if [ -f .venv/.ponte-place ] && [ "$(cat .venv/.ponte-place)" != "$PWD" ]; then return 1; fi
    if [ -n "${PYTHON:-}" ]; then
        [ "$(version_of "$PYTHON")" = "$(version_of .venv/bin/python)" ] || return 1
    fi
}

stamped() { # stamped NAME VALUE
    [ "$(cat ".venv/.ponte-$1" 2>/dev/null)" = "$2" ]
}

if [ "$kind" = python ]; then
    find_python
    exit
fi

if ! usable; then make_venv; fi
printf '%s\n' "$PWD" >.venv/.ponte-place
python_version=$(version_of .venv/bin/python)

# The development lock holds all of the runtime's, at the same versions, so its stamp answers for both.
wanted="$(checksum "$lock") $python_version"
if ! stamped "$lock" "$wanted" &&
    ! { [ "$lock" = requirements.lock ] && [ -f requirements-dev.lock ] &&
        stamped requirements-dev.lock "$(checksum requirements-dev.lock) $python_version"; }; then
    say "setup: installing the packages of $lock ..."
    install --require-hashes -r "$lock"
    printf '%s\n' "$wanted" >".venv/.ponte-$lock"
fi

if [ "$kind" = dependencies ]; then exit 0; fi

wanted="$(checksum pyproject.toml) $python_version"
if ! stamped project "$wanted" || ! [ -x .venv/bin/ponte ]; then
    install --no-deps --no-build-isolation --editable .
    printf '%s\n' "$wanted" >.venv/.ponte-project
fi
