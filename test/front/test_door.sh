#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# test/front/test_door.sh SOURCE - the front door (./omnesia, tools/setup.sh) in toy houses.
#
# Each case works on a copy of the two scripts in a scratch folder, with a program that is a shell
# script, and an apt-get, sudo and id of its own on the PATH, so that nothing is installed and any
# machine and user can run it.
set -eu
source=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

house() { # a fresh toy house in $house whose Makefile "builds" src/main.sh into the program
    house="$scratch/a house/$1"
    mkdir -p "$house/tools" "$house/src/room" "$house/include" "$house/bin"
    cp "$source/omnesia" "$house/"
    cp "$source/tools/setup.sh" "$house/tools/"
    echo 'needed gcc cmd:sh it is there' >"$house/tools/packages.txt"
    printf '#!/bin/sh\nfor word; do echo "<$word>"; done\nexit 7\n' >"$house/src/main.sh"
    : >"$house/meson.build" >"$house/meson_options.txt"
    cat >"$house/Makefile" <<'MAKE'
all: ; @mkdir -p build/release; echo built >>build/times; echo noise; \
    cp src/main.sh build/release/omnesia; chmod +x build/release/omnesia; touch build/release/.built
test: ; @echo tests $(T)
MAKE
    cat >"$house/bin/apt-get" <<'APT'
#!/bin/sh
echo "apt-get $*" >>"$HOUSE/apt.log"
case "$*" in *update*) exit 0 ;; esac
[ "$(grep -c install "$HOUSE/apt.log")" -gt "${APT_FAILS:-0}" ] && touch "$HOUSE/there"
APT
    printf '#!/bin/sh\necho "${TOY_UID:-0}"\n' >"$house/bin/id"
    printf '#!/bin/sh\n[ "$1" != -n ] || shift\n[ -n "${TOY_SUDO-}" ] && exec "$@"\n' \
        >"$house/bin/sudo"
    chmod +x "$house/bin/"*
}

door() { # run the toy front door; standard output in $out, standard error in $err, status in $rc
    rc=0
    out=$(HOUSE=$house PATH="$house/bin:$PATH" "$@" 2>"$scratch/err") || rc=$?
    err=$(cat "$scratch/err")
}

check() { # check NAME ACTUAL EXPECTED: the case passes when both are the same
    if [ "$2" = "$3" ]; then passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s: "%s" where "%s" was expected\n' "$1" "$2" "$3"
    fi
}

builds() { wc -l <"$house/build/times"; }

house first
door "$house/omnesia" "two words" '*' ''
check "arguments arrive as they were" "$out" "<two words>
<*>
<>"
check "the status is the program's" "$rc" 7
check "a first build is announced on standard error" "${err%% (*}" "omnesia: building"

door "$house/omnesia" again
check "a second start says nothing of its own" "$out|$err" "<again>|"
check "a second start does not build" "$(builds)" 1
ln -s "$house/omnesia" "$scratch/link"
door sh -c "cd / && '$scratch/link' x"
check "it may be called from elsewhere, through a link" "$out|$err" "<x>|"
door sh -c "cd '$house' && sh omnesia x"
check "it may be handed to sh" "$out|$err" "<x>|"

sleep 0.02
echo 'echo changed' >>"$house/src/main.sh"
door "$house/omnesia" x
check "a changed source is built again" "$(builds)" 2
sleep 0.02
: >"$house/src/room/new.c"
door "$house/omnesia" x
check "so is a new one in a room" "$(builds)" 3
sleep 0.02
rm "$house/src/room/new.c"
door "$house/omnesia" x
check "so is one that went away" "$(builds)" 4

echo 'all: ; @echo "main.c:3: no such thing" >&2; false' >"$house/Makefile"
rm -r "$house/build/release"
door "$house/omnesia" x
check "a failed build shows why" "$rc $(echo "$err" | grep -c 'main.c:3: no such thing')" "1 1"

house tests
door "$house/omnesia" test T=one
check "test is make test" "$out" "tests one"

house missing
ln -s "$house" "$scratch/short"
echo "needed libtoy-dev file:$scratch/short/there a toy" >"$house/tools/packages.txt"
door env TOY_UID=1000 "$house/omnesia" x
check "without rights it names the one command" "$rc $err" "1 omnesia: some Debian packages are \
missing; as root, run: apt-get update && apt-get install -y --no-install-recommends libtoy-dev"
door env TOY_UID=1000 TOY_SUDO=1 "$house/omnesia" x
check "with sudo it installs" "$out|$(grep -c 'install.* libtoy-dev' "$house/apt.log")" "<x>|1"
check "package lists are asked for only when needed" "$(grep -c update "$house/apt.log")" 0

house stale
rm "$scratch/short" && ln -s "$house" "$scratch/short"
echo "needed libtoy-dev file:$scratch/short/there a toy" >"$house/tools/packages.txt"
door env APT_FAILS=1 "$house/omnesia" x
check "old package lists are renewed" "$out|$(grep -c update "$house/apt.log")" "<x>|1"
rm -r "$house/there" "$house/build" "$house/apt.log"
door env APT_FAILS=9 "$house/omnesia" x
check "a failed installation says so" "$rc $(echo "$err" | grep -c 'installing failed')" "1 1"

printf '[  PASSED  ] %d test(s).\n' "$passed"
[ "$failed" = 0 ] || { printf '[  FAILED  ] %d test(s), listed above.\n' "$failed"; exit 1; }
