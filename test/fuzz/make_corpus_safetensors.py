#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes test/fuzz/corpus/safetensors: small files, right ones and ones named for what they attack.

They are seeds for the fuzzer and are replayed by `make test`. Finds of the fuzzer are added to
the folder by hand and stay there; this script only rewrites the files it makes.
"""

import json
import pathlib
import struct


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def file(header, data=0, length=None, pad=True):
    text = (
        header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    )
    if pad:
        text += b" " * (-len(text) % 8)
    return (
        struct.pack("<Q", len(text) if length is None else length)
        + text
        + bytes(range(data % 256 or data))
    )


FILES = {
    "good-empty": file({}),
    "good-metadata": file(
        {"__metadata__": {"format": "pt"}, "a": tensor("F32", [2, 2], 0, 16)}, 16
    ),
    "good-dtypes": file(
        {
            "a": tensor("F64", [1], 0, 8),
            "b": tensor("I32", [1], 8, 12),
            "c": tensor("BF16", [1, 2], 12, 16),
            "d": tensor("BOOL", [3], 16, 19),
        },
        19,
    ),
    "good-scalar-and-none": file(
        {"a": tensor("F32", [], 0, 4), "b": tensor("F32", [0, 9], 4, 4)}, 4
    ),
    "zero-length": file({}, length=0),
    "length-max": file({}, length=2**64 - 1),
    "length-wraps": file({}, length=2**64 - 8),
    "length-past-end": file({}, length=64),
    "length-odd": file(b"{}", pad=False),
    "not-an-object": file(b"[]"),
    "cut": file({"a": tensor("U8", [1], 0, 1)}, 1)[:20],
    "key-twice": file(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{}}', 1),
    "deep": file(b'{"a":' + b"[" * 3000),
    "nul-in-name": file(b'{"a\\u0000":1}'),
    "shape-wraps": file({"a": tensor("F64", [2**32, 2**32], 0, 0)}),
    "shape-negative": file({"a": tensor("U8", [-1, -1], 0, 1)}, 1),
    "shape-bytes-wrap": file({"a": tensor("F64", [2**61 + 1], 0, 8)}, 8),
    "many-dimensions": file({"a": tensor("U8", [1] * 9, 0, 1)}, 1),
    "offset-wraps": file({"a": tensor("U8", [1], 2**63 - 2, 2**63 - 1)}, 1),
    "offsets-turned": file({"a": tensor("U8", [1], 1, 0)}, 1),
    "offset-past-end": file({"a": tensor("U8", [8], 0, 8)}, 4),
    "size-differs": file({"a": tensor("F32", [2], 0, 4)}, 4),
    "misaligned": file({"a": tensor("U8", [1], 0, 1), "b": tensor("F32", [1], 1, 5)}, 5),
    "overlap": file({"a": tensor("U8", [4], 0, 4), "b": tensor("U8", [4], 2, 6)}, 6),
    "hole": file({"a": tensor("U8", [1], 0, 1), "b": tensor("U8", [1], 2, 3)}, 3),
    "tail": file({"a": tensor("U8", [1], 0, 1)}, 2),
    "metadata-number": file({"__metadata__": {"format": 7}}),
}

if __name__ == "__main__":
    folder = pathlib.Path(__file__).parent / "corpus" / "safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    print(f"{len(FILES)} files in {folder}")
