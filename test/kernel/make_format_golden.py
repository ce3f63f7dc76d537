#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes test/kernel/data/format_golden.bin: blocks of each number format and what they mean.

The oracle is the dequantizer of PyPI gguf (pip install gguf; made with 0.19). The blocks are
random bytes from a fixed seed, but the half-precision scales go through ordinary and through
extreme values: zeros of both signs, the smallest and largest subnormal, the largest finite
values, infinities and NaN; two blocks of each format have all quants 0x00 and all 0xff.

The file is a run of records, little endian:
    u32 GGML type, u32 blocks, blocks x block bytes, blocks x block length f32 values
"""
import pathlib
import struct

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

# Where the half-precision fields stand in a block.
HALVES = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
    T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
    T.IQ4_NL: [0], T.IQ4_XS: [0],
}
EXTREME = [0x0000, 0x8000, 0x0001, 0x83FF, 0x7BFF, 0xFBFF, 0x7C00, 0xFE00]


def blocks_of(kind, rng):
    block, size = GGML_QUANT_SIZES[kind]
    count = 4 + len(EXTREME)
    data = rng.integers(0, 256, (count, size), dtype=np.uint8)
    data[0], data[1] = 0x00, 0xFF
    for at in HALVES[kind]:
        ordinary = rng.normal(0, 0.05, 4).astype("<f2").view(np.uint16)
        # a second field goes through the list backwards, so that pairs differ
        extreme = EXTREME if at == HALVES[kind][0] else EXTREME[::-1]
        halves = np.array([*ordinary, *extreme], dtype="<u2")
        data[:, at:at + 2] = halves.view(np.uint8).reshape(count, 2)
    return data


def plain_of(kind, rng):
    if kind == T.F32:
        bits = rng.integers(0, 1 << 32, 64, dtype=np.uint32)
        return bits.view(np.uint8).reshape(-1, 4)
    return rng.integers(0, 1 << 16, 256, dtype=np.uint16).view(np.uint8).reshape(-1, 2)


def main():
    rng = np.random.default_rng(20240607)
    out = bytearray()
    for kind in [T.F32, T.F16, T.BF16, *HALVES]:
        data = blocks_of(kind, rng) if kind in HALVES else plain_of(kind, rng)
        with np.errstate(all="ignore"):
            values = dequantize(data, kind) if kind != T.F32 else data.view("<f4")
        out += struct.pack("<II", kind, len(data)) + data.tobytes()
        out += values.astype("<f4").tobytes()
    path = pathlib.Path(__file__).parent / "data" / "format_golden.bin"
    path.write_bytes(out)
    print(path, len(out), "bytes")


if __name__ == "__main__":
    main()
