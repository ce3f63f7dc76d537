# SPDX-License-Identifier: Apache-2.0
"""The few facts about a GGUF file that the memory rows need, read from its header.

Layout (little endian): "GGUF", u32 version, u64 tensors, u64 pairs; each pair is a string key,
u32 type and a value; each tensor is a string name, u32 n, n x u64 shape, u32 type, u64 offset.
The data begin at the next multiple of general.alignment (32). A tensor reaches to the next one.
"""
import os
import struct
from dataclasses import dataclass

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q",
           12: "d"}
STRING, ARRAY = 8, 9


@dataclass
class Facts:
    architecture: str
    n_vocab: int
    kv_bytes_per_token: int  # K and V in f16, all layers
    packed_tensors: int      # bytes of the matrices that a packed file replaces


class Reader:
    def __init__(self, f):
        self.f = f

    def scalar(self, kind):
        size = struct.calcsize("<" + kind)
        return struct.unpack("<" + kind, self.f.read(size))[0]

    def string(self):
        return self.f.read(self.scalar("Q")).decode("utf-8", "replace")

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind != ARRAY:
            return self.scalar(SCALARS[kind])
        inner, count = self.scalar("I"), self.scalar("Q")
        if inner in (STRING, ARRAY):
            return [self.value(inner) for _ in range(count)]
        size = struct.calcsize("<" + SCALARS[inner])
        return list(struct.unpack(f"<{count}{SCALARS[inner]}", self.f.read(size * count)))


def read(path):
    with open(path, "rb") as f:
        r = Reader(f)
        if f.read(4) != b"GGUF":
            raise ValueError(f"{path} is not a GGUF file")
        r.scalar("I")
        n_tensors, n_pairs = r.scalar("Q"), r.scalar("Q")
        meta = {}
        for _ in range(n_pairs):
            key = r.string()
            meta[key] = r.value(r.scalar("I"))
        tensors = []
        for _ in range(n_tensors):
            name = r.string()
            shape = [r.scalar("Q") for _ in range(r.scalar("I"))]
            r.scalar("I")
            tensors.append((r.scalar("Q"), name, shape))
        align = meta.get("general.alignment", 32)
        data = (f.tell() + align - 1) // align * align
    tensors.sort()
    ends = [t[0] for t in tensors[1:]] + [os.path.getsize(path) - data]
    size = {name: end - begin for (begin, name, _), end in zip(tensors, ends)}

    # Vectors (norms, biases) are not packed; an embedding that has a separate output matrix
    # beside it is only looked up, and stays in the GGUF file.
    kept = {name for _, name, shape in tensors if len(shape) < 2}
    if "output.weight" in size:
        kept.add("token_embd.weight")
    arch = meta["general.architecture"]
    heads = meta[f"{arch}.attention.head_count"]
    layers = meta[f"{arch}.block_count"]
    kv_heads = meta.get(f"{arch}.attention.head_count_kv", heads)
    kv_heads = kv_heads if isinstance(kv_heads, list) else [kv_heads] * layers
    width = meta[f"{arch}.embedding_length"] // (heads if isinstance(heads, int) else heads[0])
    k = meta.get(f"{arch}.attention.key_length", width)
    v = meta.get(f"{arch}.attention.value_length", width)
    return Facts(arch, len(meta["tokenizer.ggml.tokens"]), 2 * sum(kv_heads) * (k + v),
                 sum(n for name, n in size.items() if name not in kept))
