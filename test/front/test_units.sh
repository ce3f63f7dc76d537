#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# test/front/test_units.sh BUILD PROGRAM - the systemd units are whole, and shut what they may.
#
# systemd itself reads both, with the built program in place of the installed one, and says how
# exposed the machine's service is: 0 is not at all, 10 is a program run by root. Where there is no
# systemd-analyze, they are only looked for.
set -eu
build=$1 program=$(readlink -f "$2")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for kind in system user; do
    mkdir "$scratch/$kind"
    unit=$scratch/$kind/omnesia.service
    sed "s|^ExecStart=[^ ]*/omnesia |ExecStart=$program |" \
        "$build/packaging/omnesia-$kind.service" >"$unit"
    grep -q "^ExecStart=$program serve\$" "$unit" || { echo "$kind: no ExecStart"; exit 1; }
    grep -q '^Type=notify$' "$unit" || { echo "$kind: systemd would not wait for it"; exit 1; }
done
XDG_RUNTIME_DIR=$scratch
export XDG_RUNTIME_DIR
command -v systemd-analyze >/dev/null || { echo "systemd-analyze is not here"; exit 0; }
for kind in system user; do
    flag=
    [ $kind = system ] || flag=--user
    # shellcheck disable=SC2086
    systemd-analyze verify $flag --man=no "$scratch/$kind/omnesia.service" >"$scratch/said" 2>&1 ||
        { cat "$scratch/said"; exit 1; }
    ! grep "omnesia" "$scratch/said" || exit 1
done
systemd-analyze security --offline=true --threshold=16 "$scratch/system/omnesia.service" \
    >"$scratch/said" 2>&1 || { cat "$scratch/said"; exit 1; }
tail -n 1 "$scratch/said"
