#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# test/front/test_install.sh BUILD - what `make install` puts down is enough for a stranger.
#
# Installs the build into a scratch folder, then compiles, with what pkg-config says and nothing
# else, a program that includes a header and uses the library, shared and static, and runs both.
set -eu
build=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

DESTDIR=$scratch meson install -C "$build" --no-rebuild --quiet
for file in include/omnesia.h include/omnesia_skill.h bin/omnesia man/man1/omnesia.1 \
    libomnesia.a libomnesia.so.0 \
    bash-completion/completions/omnesia.bash zsh/site-functions/_omnesia \
    fish/vendor_completions.d/omnesia.fish lib/systemd/system/omnesia.service \
    lib/systemd/user/omnesia.service; do
    find "$scratch" -path "*/$file" | grep -q . || { echo "$file was not installed"; exit 1; }
done
pc=$(find "$scratch" -name omnesia.pc)
prefix=${pc%/lib*}
cat >"$scratch/stranger.c" <<'C'
#include <omnesia_fleet.h>
#include <stdio.h>
int main(void) {
    return printf("%s %s\n", mn_version(), mn_error_text(-2)) < 0;
}
C
PKG_CONFIG_PATH=${pc%/*}
export PKG_CONFIG_PATH
expected="$(pkg-config --modversion omnesia) not enough memory"
say() { pkg-config --define-variable=prefix="$prefix" "$@" omnesia; }
# shellcheck disable=SC2046
cc "$scratch/stranger.c" -o "$scratch/shared" $(say --cflags --libs)
# shellcheck disable=SC2046
cc "$scratch/stranger.c" -o "$scratch/static" $(say --cflags) "${pc%/pkgconfig/*}/libomnesia.a" \
    $(say --static --libs | sed 's/-lomnesia//')
for kind in shared static; do
    said=$(LD_LIBRARY_PATH=${pc%/pkgconfig/*} "$scratch/$kind")
    [ "$said" = "$expected" ] || { echo "$kind: \"$said\", expected \"$expected\""; exit 1; }
done
ldd "$scratch/static" | grep -q libomnesia && { echo "static is not"; exit 1; }
exit 0
