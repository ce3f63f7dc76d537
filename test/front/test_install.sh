#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# test/front/test_install.sh BUILD - what `make install` puts down is enough for a stranger.
#
# Installs the build into a scratch folder, then compiles, with what pkg-config says and nothing
# else, a program that uses omnesia.h and the library, and runs it.
set -eu
build=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

DESTDIR=$scratch meson install -C "$build" --no-rebuild --quiet
for file in include/omnesia.h bin/omnesia man/man1/omnesia.1; do
    find "$scratch" -path "*/$file" | grep -q . || { echo "$file was not installed"; exit 1; }
done
pc=$(find "$scratch" -name omnesia.pc)
prefix=${pc%/lib*}
cat >"$scratch/stranger.c" <<'C'
#include <omnesia.h>
#include <stdio.h>
int main(void) {
    return printf("%s %s\n", mn_version(), mn_error_text(-2)) < 0;
}
C
PKG_CONFIG_PATH=${pc%/*}
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
cc "$scratch/stranger.c" -o "$scratch/stranger" \
    $(pkg-config --define-variable=prefix="$prefix" --cflags --libs omnesia)
said=$("$scratch/stranger")
expected="$(pkg-config --modversion omnesia) not enough memory"
[ "$said" = "$expected" ] || { echo "\"$said\" where \"$expected\" was expected"; exit 1; }
