#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes test/fuzz/corpus/tokenizer: small vocabularies with texts, and edits of their images.

They are seeds for the fuzzer and are replayed by `make test`; the forms are in fuzz_tokenizer.c.
Finds of the fuzzer are added to the folder by hand and stay there; this script only rewrites the
files it makes.
"""
import pathlib
import struct

from make_corpus_gguf import F32, I32, STR, U32, array, entry, gguf, text

ROWS = "gpt-2 smollm starcoder llama-bpe qwen2 deepseek-llm deepseek-coder".split()
TEXT = "the cat's 12 hats\n\n<|im_end|> the  中\t'LL <tag>x".encode() + b"\xff\xe4\xb8\0 end"
NORMAL, UNKNOWN, CONTROL, USER, BYTE = 1, 2, 3, 4, 6


def strings(key, values):
    return array(key, STR, len(values), b"".join(map(text, values)))


def vocabulary(model, pre, tokens, types, *more):
    entries = [entry("tokenizer.ggml.model", STR, text(model)),
               strings("tokenizer.ggml.tokens", tokens),
               array("tokenizer.ggml.token_type", I32, len(types),
                     struct.pack(f"<{len(types)}i", *types)), *more]
    if pre:
        entries.append(entry("tokenizer.ggml.pre", STR, text(pre)))
    return gguf(entries)


def case(form, file, rest):
    return form + struct.pack("<I", len(file)) + file + rest


def byte_level(pre, merges=("t h", "th e", "Ġ the", "c a", "ca t"), types=None):
    tokens = ["<|im_end|>", "<tag>", *"thecas'12xĠĊ", "th", "the", "Ġthe", "ca", "cat", "ä",
              "<unk>"]
    types = types or [CONTROL, USER] + [NORMAL] * (len(tokens) - 3) + [UNKNOWN]
    return vocabulary("gpt2", pre, tokens, types, strings("tokenizer.ggml.merges", merges))


def pieces(model, scores=True):
    tokens = ["<unk>", "<s>", "</s>", "▁", *"thecas", "th", "the", "▁the", "▁▁", "\n", "\n\n", "中",
              "e▁t", *[f"<0x{i:02X}>" for i in range(0, 256, 5)]]
    types = [UNKNOWN, CONTROL, CONTROL] + [NORMAL] * (len(tokens) - 3)
    types = [BYTE if t.startswith("<0x") else k for t, k in zip(tokens, types)]
    values = [-float(i % 7) for i in range(len(tokens))]
    more = array("tokenizer.ggml.scores", F32, len(values),
                 struct.pack(f"<{len(values)}f", *values))
    merges = strings("tokenizer.ggml.merges", ["t h", "th e", "▁ the", "▁ ▁", "\n \n"])
    return vocabulary(model, None, tokens, types, more if scores else merges,
                      entry("tokenizer.ggml.bos_token_id", U32, struct.pack("<I", 1)))


def edits(*pairs):
    return b"".join(struct.pack("<IB", place, value) for place, value in pairs)


def main():
    out = pathlib.Path(__file__).parent / "corpus" / "tokenizer"
    out.mkdir(parents=True, exist_ok=True)
    cases = {f"good-{row}": case(b"T", byte_level(row), TEXT) for row in ROWS}
    cases["good-sentencepiece"] = case(b"T", pieces("llama"), TEXT)
    cases["good-gemma4"] = case(b"T", pieces("gemma4", False), TEXT)
    cases["long-word"] = case(b"T", byte_level("gpt-2"), b"the" * 300 + b" " * 300)
    cases["long-line"] = case(b"T", pieces("llama"), b"the " * 300 + b"\n" * 100)
    cases["merge-of-strangers"] = case(b"T", byte_level("gpt-2", ["t h", "q q"]), TEXT)
    cases["merge-without-gap"] = case(b"T", byte_level("gpt-2", ["th"]), TEXT)
    cases["merge-empty"] = case(b"T", byte_level("gpt-2", ["", " ", "  "]), TEXT)
    special = [NORMAL] * 15 + [CONTROL] * 8
    cases["merge-into-special"] = case(b"T", byte_level("gpt-2", types=special), TEXT)
    cases["types-too-few"] = case(b"T", byte_level("gpt-2", types=[NORMAL]), TEXT)
    cases["types-unheard-of"] = case(b"T", byte_level("gpt-2", types=[-1] * 23), TEXT)
    cases["pre-unknown"] = case(b"T", byte_level("x"), TEXT)
    cases["no-merges"] = case(b"T", vocabulary("gpt2", "gpt-2", ["a"], [1]), TEXT)
    cases["no-scores"] = case(b"T", vocabulary("llama", None, ["a"], [1]), TEXT)
    cases["empty-tokens"] = case(b"T", vocabulary("gpt2", "gpt-2", ["", "", ""], [1, 3, 4],
                                                  strings("tokenizer.ggml.merges", [])), TEXT)
    for name, file in (("bytes", byte_level("gpt-2")), ("pieces", pieces("llama"))):
        cases[f"edit-none-{name}"] = case(b"P", file, b"")
        for at in range(0, 3000, 250):
            cases[f"edit-{name}-{at}"] = case(b"P", file, edits(*((at + 3 * i, 255 - i)
                                                                  for i in range(8))))
    cases["image-short"] = b"IMNTOKEN\0"
    for name, data in cases.items():
        (out / name).write_bytes(data)
    print(f"{len(cases)} files")


if __name__ == "__main__":
    main()
