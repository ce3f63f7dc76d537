#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes test/fuzz/corpus/extent_file: files of extents, sound ones and ones that lie.

They are seeds for the fuzzer and are replayed by `make test`; the forms are in fuzz_extent_file.c,
which also makes the sums right. Finds of the fuzzer are added to the folder by hand and stay there;
this script only rewrites the files it makes.
"""
import pathlib
import struct

NAMES = ("sum ref region bytes content length shape used cost parent anchor flags seed0 seed1 "
         "seed2 seed3 writer born front planes stride group n_keys n_sums").split()
PAGE, ROWS, GROUP = 4096, 600, 1024
USED = 1 << 40  # in the far future: never too old


def pages(n):
    return (n + PAGE - 1) // PAGE * PAGE


def case(form, rows=ROWS, keys=3, cut=None, more=b"", **lies):
    front = PAGE + pages(4 * rows)
    stride = pages((rows + 15) // 16 * GROUP)
    sums = 1 + 2 * ((rows + 511) // 512)
    content = pages(200 + 8 * (keys + sums))
    head = dict.fromkeys(NAMES, 0)
    head.update(ref=(1 << 20 << 20) + 1, content=content, length=rows, used=USED, flags=1,
                front=front, planes=2, stride=stride, group=GROUP, n_keys=keys, n_sums=sums,
                bytes=content + front + 2 * stride)
    head.update(lies)
    file = b"OMNEXT2\n" + struct.pack("<24Q", *(head[name] for name in NAMES))
    file += struct.pack(f"<{keys}Q", *range(100, 100 + keys)) + bytes(8 * sums)
    file = file.ljust(content, b"\0")
    file += struct.pack("<5Q", 0x31564B61696E6D6F, 0, rows, rows, 0).ljust(PAGE, b"\0")
    file += struct.pack(f"<{rows}i", *range(rows)).ljust(front - PAGE, b"\0")
    file += bytes(range(256)) * (2 * stride // 256)
    return form + file[:cut] + more


def main():
    out = pathlib.Path(__file__).parent / "corpus" / "extent_file"
    out.mkdir(parents=True, exist_ok=True)
    cases = {"good": case(b"T"), "good-short": case(b"T", rows=64, keys=1),
             "wrong-sums": case(b"S", rows=64), "raw": case(b"R", rows=64),
             "empty": b"R\0", "head-only": case(b"S", rows=64, cut=200),
             "cut": case(b"S", rows=64, cut=9000), "longer": case(b"T", rows=64, more=b"\0" * 4096)}
    for name, lie in (("zero", 0), ("odd", 4097), ("all", 2**64 - 1)):
        for field in "ref content length front planes stride group n_keys n_sums flags".split():
            cases[f"{field}-{name}"] = case(b"T", rows=64, keys=1, **{field: lie})
    cases["blocks-wrap"] = case(b"T", rows=64, keys=1, group=0, length=2**63, planes=2, n_sums=1)
    cases["from-the-future"] = case(b"T", rows=64, keys=1, ref=(2**43 << 20) + 1)
    for name, data in cases.items():
        (out / name).write_bytes(data)
    print(f"{len(cases)} files")


if __name__ == "__main__":
    main()
