#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Build the peer that every speed figure is compared with: llama.cpp, from the source archive
# that the PyPI package llama-cpp-python carries. Prints the folder of its programs. The first
# call takes about ten minutes, later ones return at once.
#
#   tools/peers/llama-cpp.sh [native | avx512 | avx2]
#
#   native   for this very machine: the one speed is compared with (the default)
#   avx512   AVX-512 with VNNI and BF16, without AMX   } llama-bench and llama-perplexity only:
#   avx2     AVX2, FMA, F16C                           } how far two builds of one program differ
#
# PEERS_DIR names the folder (default ~/.cache/omnesia-peers), JOBS the parallel compilations.
#
# One correction is made to the source. GCC's _tile_loadconfig (seen in 12.2) tells the compiler
# that it reads 8 bytes of the 64-byte tile configuration, so the stores to the other 56 are
# dropped and the first AMX instruction is illegal. A barrier before the call keeps them; without
# it the peer cannot run on a machine with AMX. It is reported upstream as llama.cpp pull 26954.
set -eu
variant=${1:-native}
version=0.3.36
sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
root=${PEERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/omnesia-peers}
archive=$root/llama_cpp_python-$version.tar.gz
src=$root/llama_cpp_python-$version/vendor/llama.cpp
amx=$src/ggml/src/ggml-cpu/amx/mmq.cpp
jobs=${JOBS:-$(nproc)}

die() {
    echo "peers: $*" >&2
    exit 1
}

common="-DGGML_NATIVE=OFF -DGGML_SSE42=ON -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON
        -DGGML_F16C=ON -DGGML_BMI2=ON"
some="llama-bench llama-perplexity"
case $variant in
native) build=$src/build flags=-DGGML_NATIVE=ON
    some="llama-bench llama-completion llama-quantize llama-perplexity llama-tokenize
          llama-server llama-batched-bench" ;;
avx2) build=$src/build-avx2 flags=$common ;;
avx512) build=$src/build-avx512 flags="$common -DGGML_AVX512=ON -DGGML_AVX512_VBMI=ON
        -DGGML_AVX512_VNNI=ON -DGGML_AVX512_BF16=ON" ;;
*) die "unknown variant '$variant'; there are native, avx512 and avx2" ;;
esac
stamp=$build/.complete-$version-1
if [ -e "$stamp" ] && [ -x "$build/bin/llama-bench" ]; then
    echo "$build/bin"
    exit 0
fi

for tool in cmake c++ python3 flock; do
    command -v $tool >/dev/null 2>&1 ||
        die "$tool is missing; on Debian: apt-get install cmake g++ python3-pip util-linux"
done
mkdir -p "$root"
exec 9>"$root/.lock"
flock 9 # two builds at once would spoil each other

if [ ! -e "$src/CMakeLists.txt" ]; then
    [ -e "$archive" ] ||
        python3 -m pip download -q --no-deps --no-binary :all: -d "$root" \
            "llama-cpp-python==$version" >&2 || die "llama-cpp-python $version cannot be fetched"
    echo "$sha256  $archive" | sha256sum -c --quiet - >&2 ||
        die "$archive is not the archive this table was made for; delete it and try again"
    tar -xzf "$archive" -C "$root" || die "$archive cannot be unpacked (is the disk full?)"
fi
grep -q '__asm__ volatile("" : : "m"(tc))' "$amx" ||
    sed -i 's|^\( *\)_tile_loadconfig(&tc);|\1__asm__ volatile("" : : "m"(tc));\n&|' "$amx"
grep -q '__asm__ volatile("" : : "m"(tc))' "$amx" || die "$amx is not as expected"

log=$root/build-$variant.log
echo "peers: building llama.cpp ($variant) with $jobs jobs, once; its log is $log" >&2
# shellcheck disable=SC2086 # flags and targets are lists of words
{
    cmake -S "$src" -B "$build" -DCMAKE_BUILD_TYPE=Release -DLLAMA_CURL=OFF \
        -DLLAMA_BUILD_TESTS=OFF $flags &&
        cmake --build "$build" -j"$jobs" --target $some
} >"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    die "the build of llama.cpp failed; see $log"
}
touch "$stamp"
echo "$build/bin"
