#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes test/fuzz/corpus/region_head: heads of a region file, and words in its tables.

They are seeds for the fuzzer and are replayed by `make test`; the form is in fuzz_region_head.c.
Finds of the fuzzer are added to the folder by hand and stay there; this script only rewrites the
files it makes.
"""
import pathlib
import struct

TOPS, PROCS, INDEX, CONTENT, SLOTS = 0, 1, 2, 3, 4
OPEN, SEALED, DYING, GONE = 1, 2, 3, 4
EPOCH, ROWS, MAGIC = 5, 128, 0x31564B61696E6D6F


def head(first=b"O", limit=8 << 20, epoch=1 << 20):
    data = struct.pack("<8sIIQQQ16sQ1024sQ", b"OMNESIA\n", 2, 0, 1 << 30, 0, limit, bytes(16),
                       epoch, b"", 0)
    return first + data[1:]


def words(*edits):
    return b"".join(struct.pack("<BHQ", where, which, word) for where, which, word in edits)


def slot(phase, owner=0, flags=1, **more):
    """Words of extent slot 0, as its writer would leave them."""
    at = {"state": 0, "length": 1, "charged": 2, "flags": 9, "front": 16, "planes": 17,
          "stride": 18, "group": 19, "stored": 20, "moving": 22}
    value = {"state": EPOCH << 16 | owner << 4 | phase, "length": ROWS, "charged": 32768,
             "flags": flags, "front": 8192, "planes": 2, "stride": 8192, "group": 1024, **more}
    return [(TOPS, 0, 1)] + [(SLOTS, at[k], v) for k, v in value.items()]


def main():
    out = pathlib.Path(__file__).parent / "corpus" / "region_head"
    out.mkdir(parents=True, exist_ok=True)
    content = [(CONTENT, 0, MAGIC), (CONTENT, 2, 1000), (CONTENT, 3, ROWS)]
    cases = {"good": head(), "raw": head(b"R"), "no-limit": head(limit=0),
             "last-epoch": head(epoch=2**44 - 1), "short": head()[:1095]}
    for name, phase in (("open", OPEN), ("sealed", SEALED), ("dying", DYING), ("gone", GONE)):
        for owner in (0, 1, 2, 4095):
            pin = [(PROCS, 512, 1), (PROCS, 520, (EPOCH << 20) + 1)]
            cases[f"{name}-{owner}"] = head() + words(*slot(phase, owner), *content, *pin)
    for field in "length charged front planes stride group stored moving".split():
        for name, lie in (("zero", 0), ("one", 1), ("odd", 4097), ("all", 2**64 - 1)):
            cases[f"{field}-{name}"] = head() + words(*slot(SEALED, **{field: lie}), *content)
    cases["out"] = head() + words(*slot(SEALED, flags=5, stored=40960), *content)
    cases["tops"] = head() + words(*[(TOPS, i, 2**64 - 1) for i in range(32)])
    cases["index"] = head() + words(*[(INDEX, i, (EPOCH << 20) + 1) for i in range(0, 4000, 17)])
    for name, data in cases.items():
        (out / name).write_bytes(data)
    print(f"{len(cases)} files")


if __name__ == "__main__":
    main()
