#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes test/fuzz/corpus/gguf: small GGUF files, right ones and ones named for what they attack.

They are seeds for the fuzzer and are replayed by `make test`. Finds of the fuzzer are added to
the folder by hand and stay there; this script only rewrites the files it makes.
"""
import pathlib
import struct

U8, I8, U16, I16, U32, I32, F32, BOOL, STR, ARR, U64, I64, F64 = range(13)
TYPES = {  # GGML type: (weights a block, bytes a block)
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    20: (32, 18), 23: (256, 136), 30: (1, 2),
}


def text(s):
    s = s.encode() if isinstance(s, str) else s
    return struct.pack("<Q", len(s)) + s


def entry(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def array(key, item, count, body):
    return entry(key, ARR, struct.pack("<IQ", item, count) + body)


def info(name, shape, kind, offset, dims=None):
    dims = len(shape) if dims is None else dims
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", dims, *shape, kind, offset)


def gguf(entries=(), infos=(), data=b"", version=3, n_infos=None, n_entries=None, align=32):
    n_infos = len(infos) if n_infos is None else n_infos
    n_entries = len(entries) if n_entries is None else n_entries
    out = b"GGUF" + struct.pack("<IQQ", version, n_infos, n_entries)
    out += b"".join(entries) + b"".join(infos)
    return out + b"\0" * (-len(out) % align) + data if data else out


def every_format():
    infos, data = [], b""
    for kind, (block, size) in TYPES.items():
        data += b"\0" * (-len(data) % 32)
        infos.append(info(f"t{kind}", [block, 2], kind, len(data)))
        data += bytes(range(256))[:size] * 2
    return gguf([entry("general.architecture", STR, text("llama"))], infos, data)


def every_kind():
    scalars = [("u8", U8, "<B"), ("i8", I8, "<b"), ("u16", U16, "<H"), ("i16", I16, "<h"),
               ("u32", U32, "<I"), ("i32", I32, "<i"), ("f32", F32, "<f"), ("bool", BOOL, "<B"),
               ("u64", U64, "<Q"), ("i64", I64, "<q"), ("f64", F64, "<d")]
    entries = [entry(n, k, struct.pack(f, 1)) for n, k, f in scalars]
    entries += [array("a." + n, k, 3, struct.pack(f, 1) * 3) for n, k, f in scalars]
    words = [text(w) for w in ["<s>", "", "a", "the", "\u2581fox", "b", "c", "d", "e"]]
    entries.append(array("a.str", STR, len(words), b"".join(words)))
    return gguf(entries)


def files():
    one = info("t", [4], 0, 0)
    data = b"\0" * 64
    yield "good-every-format", every_format()
    yield "good-every-kind", every_kind()
    yield "good-empty", gguf()
    yield "good-version-2", gguf([entry("a", U32, b"\1\0\0\0")], [one], data, version=2)
    yield "good-align-64", gguf([entry("general.alignment", U32, b"\x40\0\0\0")],
                                [one, info("u", [2, 2], 0, 64)], data * 2, align=64)
    yield "zero-bytes", b""
    yield "magic-only", b"GGUF"
    yield "version-1", gguf(version=1)
    yield "big-endian", b"GGUF" + struct.pack(">IQQ", 3, 0, 0)
    yield "tensor-count-max", gguf(n_infos=2**64 - 1)
    yield "entry-count-max", gguf(n_entries=2**64 - 1)
    yield "entry-count-within-limit", gguf(n_entries=16384)
    yield "key-length-max", gguf([struct.pack("<Q", 2**64 - 1) + b"k"])
    yield "key-length-wraps", gguf([struct.pack("<Q", 2**64 - 32) + b"k" * 64])
    yield "key-twice", gguf([entry("k", U8, b"\1")] * 2)
    yield "kind-99", gguf([entry("k", 99, b"\0" * 8)])
    yield "array-count-wraps", gguf([array("k", U64, 2**61, b"\0" * 8)])
    yield "array-of-arrays", gguf([array("k", ARR, 1, struct.pack("<IQ", ARR, 1) * 8)])
    yield "strings-count-max", gguf([array("k", STR, 2**64 - 1, b"\0" * 64)])
    yield "string-length-max", gguf([array("k", STR, 2, text("a") + b"\xff" * 8)])
    yield "align-zero", gguf([entry("general.alignment", U32, b"\0" * 4)], [one], data)
    yield "align-max", gguf([entry("general.alignment", U64, b"\xff" * 8)], [one], data)
    yield "split", gguf([entry("split.count", U16, b"\2\0")], [one], data)
    yield "dims-max", gguf((), [info("t", [4], 0, 0, dims=2**32 - 1)], data)
    yield "shape-zero", gguf((), [info("t", [4, 0], 0, 0)], data)
    yield "shape-product-wraps", gguf((), [info("t", [2**32, 2**32], 0, 0)], data)
    yield "shape-bytes-wrap", gguf((), [info("t", [2**62], 0, 0)], data)
    yield "row-not-of-blocks", gguf((), [info("t", [33], 8, 0)], data)
    yield "type-unknown", gguf((), [info("t", [4], 2**31, 0)], data)
    yield "offset-past-end", gguf((), [info("t", [4], 0, 2**63)], data)
    yield "offset-wraps", gguf((), [info("t", [4], 0, 2**64 - 32)], data)
    yield "tensors-overlap", gguf((), [info("t", [16], 0, 0), info("u", [4], 0, 32)], data)
    yield "tensor-twice", gguf((), [one, info("t", [4], 0, 32)], data)
    yield "tensor-without-data", gguf((), [one])


def main():
    folder = pathlib.Path(__file__).parent / "corpus" / "gguf"
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files():
        (folder / name).write_bytes(body)


if __name__ == "__main__":
    main()
