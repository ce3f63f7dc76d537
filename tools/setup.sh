#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tools/setup.sh [--dev] - install what tools/packages.txt lists and this machine lacks.
#
# The only thing in Omnesia that installs. Silent when nothing is missing; touches build/.ready
# then, so that the front door asks only once. As root, or with sudo, it runs apt-get; elsewhere
# it prints the one command that helps and fails. Looks for what is needed (a program, a header, a
# library), not for packages, so other distributions work too once those are there.
set -eu
cd "$(dirname "$0")/.."
log=build/setup.log

say() { echo "omnesia: $*" >&2; }

mkdir -p build 2>/dev/null && [ -w build ] || {
    say "nothing can be built in $PWD: $(id -un) may not write there; copy it to a folder of yours"
    exit 1
}

present() { # is the thing that "kind:name" means here?
    name=${1#*:}
    case $1 in
    cmd:*) command -v "$name" >/dev/null ;;
    h:*) [ -e "/usr/include/$name" ] || echo "#include <$name>" | cc -E - ;;
    pc:*) pkg-config --exists "$name" ;;
    py:*) python3 -c "import $name" ;;
    file:*) [ -e "$name" ] ;;
    *) false ;;
    esac >/dev/null 2>&1
}

missing() { # missing needed|optional: the packages whose thing is not here, on one line
    while read -r need package check _; do
        [ "$need" = "$1" ] && ! present "$check" && printf ' %s' "$package"
    done <tools/packages.txt || true
}

may_install() { # root, or sudo that can ask for a password or needs none?
    [ "$(id -u)" = 0 ] || { [ -t 2 ] && command -v sudo; } || sudo -n true
}

as_root() { # run apt-get with the rights it needs, or fail
    if [ "$(id -u)" = 0 ]; then "$@"
    elif [ -t 2 ] && command -v sudo >/dev/null; then sudo "$@"
    else sudo -n "$@"; fi
}

get() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >>$log 2>&1
}

wanted=$(missing needed)
[ "${1-}" != --dev ] || wanted="$wanted$(missing optional)"
if [ -n "$wanted" ]; then
    command="apt-get update && apt-get install -y --no-install-recommends$wanted"
    if ! command -v apt-get >/dev/null; then
        say "this machine lacks, by their Debian names:$wanted"
        say "install them with its own package manager, then run this again"
        exit 1
    fi
    if ! may_install >/dev/null 2>&1; then
        say "some Debian packages are missing; as root, run: $command"
        exit 1
    fi
    say "installing Debian packages:$wanted"
    : >$log
    # The first try fails on a machine without package lists, or with old ones; then ask for them.
    # shellcheck disable=SC2086
    get install -y --no-install-recommends $wanted || {
        get update || true
        get install -y --no-install-recommends $wanted || {
            tail -n 20 $log >&2
            say "installing failed (all of it: $PWD/$log); as root, try: $command"
            exit 1
        }
    }
    still=$(missing needed)
    [ -z "$still" ] || { say "installed, and yet not found:$still"; exit 1; }
fi
touch build/.ready
