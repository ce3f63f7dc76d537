#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test/cli/fake_pip.sh - stands in for `python3 -m pip` on the PATH of a pull under test.
# FAKE_WHEELS holds the wheels, FAKE_LOG hears what was asked for, FAKE_MODE says how to fail.
set -eu
[ "$1 $2" = "-m pip" ]
[ "$3" = --version ] && { [ "${FAKE_MODE-}" != absent ] || exit 1; echo "pip 0"; exit 0; }
[ "$3" = download ]
while [ $# -gt 1 ]; do
    [ "$1" != --dest ] || dest=$2
    shift
done
package=${1%%==*}
wheel=$(echo "$package" | tr - _)-${1##*==}-py3-none-any.whl
echo "$package" >>"$FAKE_LOG"
case ${FAKE_MODE-} in
network)
    echo "WARNING: Retrying: NewConnectionError: Failed to establish a new connection"
    echo "ERROR: No matching distribution found for $package" >&2
    exit 1 ;;
none)
    echo "ERROR: Could not find a version that satisfies $package (from versions: none)" >&2
    exit 1 ;;
full)
    echo "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    exit 1 ;;
refused)
    echo "ERROR: $package was yanked" >&2
    exit 3 ;;
silent) exit 0 ;;
junk) echo "this is no zip archive" >"$dest/$wheel"; exit 0 ;;
slow) head -c 5000 "$FAKE_WHEELS/$wheel" >"$TMPDIR/half"; sleep 0.3 ;;
esac
cp "$FAKE_WHEELS/$wheel" "$dest/"
