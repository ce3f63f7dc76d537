#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tools/fuzz.sh TARGET SECONDS - fuzz one target of the build/fuzz build (`make fuzz T=gguf S=60`).
#
# Starts from test/fuzz/corpus/TARGET, keeps what it finds in build/fuzz/corpus/TARGET, and leaves
# a crashing input as build/fuzz/TARGET-crash-*: mend the bug, then copy that input into the corpus,
# where `make test` replays it for ever.
set -eu
# Without these words UndefinedBehaviorSanitizer prints, and the fuzzer goes on as if all was well.
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:abort_on_error=1:print_stacktrace=1}"
cd "$(dirname "$0")/.."
program=build/fuzz/test/fuzz-${1:-}
if [ ! -x "$program" ] || [ -z "${1:-}" ]; then
    echo "make fuzz T=TARGET S=SECONDS; targets:$(cd test/fuzz && for f in fuzz_*.c; do
        f=${f#fuzz_}; printf ' %s' "${f%.c}"; done)" >&2
    exit 2
fi
mkdir -p "build/fuzz/corpus/$1"
dictionary=test/fuzz/$1.dict
[ -e "$dictionary" ] && set -- "$1" "$2" "-dict=$dictionary" || set -- "$1" "$2"
target=$1 seconds=$2
shift 2
exec "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$target-" "$@" "build/fuzz/corpus/$target" \
    "test/fuzz/corpus/$target"
