#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes test/model/data: tiny random models of each architecture, and llama.cpp's logits.

    make_tiny.py LLAMA [NAME=MODEL.gguf ...]

LLAMA is a folder of llama.cpp with its libraries in build/bin (golden_logits.c says how they are
used); needs PyPI gguf and numpy. Each NAME=MODEL.gguf adds golden logits of a real model.

A tiny model has random weights from a fixed seed, large enough that attention looks somewhere
and logits differ, and a byte-level BPE vocabulary (256 bytes, a few merges, three special
tokens) that tokenizes. Its golden file DATA/NAME.logits is, little endian:
    "MNLG", u32 n_ids, n_ids x i32                 the tokens, fed from position 0
    u32 rows, each: u32 position, u32 n, n x (i32 id, f32 truth, f32 peer)
`truth`: the model's weights widened to f32, K and V in f32, plain attention. `peer`: the file as
it is, in llama.cpp's own way. The distance from peer to truth is the noise that its quantised
activations and f16 KV cost, which is the yardstick for ours. Tiny models list every id at some
positions, real ones the 100 largest of the last 4 positions, in falling order of truth.
The context is 256 tokens; tiny-phi3-long.logits are tiny-phi3's at 512.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

DATA = pathlib.Path(__file__).parent / "data"
IDS = 40          # tokens of a golden run; more than tiny-gemma3's window
TEXT = "The hare and the tortoise ran; the tortoise thought there was time. It was there then."
PROMPT = ("In the year 1815 a volcano on the island of Sumbawa threw so much ash into the air that "
          "the next summer was cold and wet all over the world.")

# ---- vocabulary ---------------------------------------------------------------------------------


def byte_letters():
    """The printable letter that stands for each byte in a byte-level BPE vocabulary."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in keep}
    spare = (chr(256 + i) for i in range(256))
    return {b: letters[b] if b in letters else next(spare) for b in range(256)}


def vocabulary(merges_wanted=25):
    letter = byte_letters()
    words = [[letter[b] for b in w.encode()] for w in TEXT.replace(" ", "\0 ").split("\0")]
    tokens, merges = [letter[b] for b in range(256)], []
    while len(merges) < merges_wanted:
        count = {}
        for w in words:
            for pair in zip(w, w[1:]):
                count[pair] = count.get(pair, 0) + 1
        a, b = max(count, key=lambda p: (count[p], p))
        merges.append(f"{a} {b}")
        tokens.append(a + b)
        for w in words:
            i = 0
            while i + 1 < len(w):
                if (w[i], w[i + 1]) == (a, b):
                    w[i:i + 2] = [a + b]
                i += 1
    special = ["<|begin|>", "<|end|>", "<|turn|>"]
    kinds = [gguf.TokenType.NORMAL] * len(tokens) + [gguf.TokenType.CONTROL] * len(special)
    return tokens + special, kinds, merges


# ---- weights ------------------------------------------------------------------------------------

HALF_SCALES = {  # format: (offset of d, of its min or None, min / d that centres the weights)
    T.Q2_K: (80, 82, 1.5), T.Q3_K: (108, None, 0), T.Q4_K: (0, 2, 7.5), T.Q5_K: (0, 2, 15.5),
    T.Q6_K: (208, None, 0), T.IQ4_NL: (0, None, 0), T.IQ4_XS: (0, None, 0),
}


def random_blocks(kind, rows, cols, spread, rng):
    """Weights of a format that PyPI gguf cannot write: random bits under a fitting scale."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    data = rng.integers(0, 256, (rows * cols // block, size), dtype=np.uint8)
    at, at_min, ratio = HALF_SCALES[kind]

    def scale(d):
        for place, value in ((at, d), (at_min, d * ratio)):
            if place is not None:
                data[:, place:place + 2] = np.array([value], "<f2").view(np.uint8)

    scale(2.0 ** -10)
    scale(2.0 ** -10 * spread / dequantize(data, kind).std())
    return data.reshape(rows, -1)


class Model:
    """A file in the making: entries, and tensors both as stored and as f32."""

    def __init__(self, arch, seed):
        self.arch, self.rng, self.entries, self.tensors = arch, np.random.default_rng(seed), [], []

    def entry(self, verb, *args):
        self.entries.append((verb, args))

    def weight(self, name, rows, cols, kind=T.F32, gain=1.0):
        spread = gain / np.sqrt(cols)
        if kind in HALF_SCALES:
            data = random_blocks(kind, rows, cols, spread, self.rng)
        else:
            data = self.rng.normal(0, spread, (rows, cols)).astype(np.float32)
            if kind != T.F32:
                data = quantize(data, kind)
        self.tensors.append((name + ".weight", kind, data))

    def vector(self, name, n, centre=1.0, spread=0.2):
        data = self.rng.normal(centre, spread, n).astype(np.float32)
        self.tensors.append((name, T.F32, data))

    def write(self, path, widen):
        out = gguf.GGUFWriter(path, self.arch)
        for verb, args in self.entries:
            getattr(out, verb)(*args)
        for name, kind, data in self.tensors:
            if widen and kind != T.F32:
                data, kind = dequantize(data, kind).astype(np.float32), T.F32
            out.add_tensor(name, data, raw_dtype=kind if kind not in (T.F32, T.F16) else None)
        out.write_header_to_file()
        out.write_kv_data_to_file()
        out.write_tensors_to_file()
        out.close()


def begin(arch, seed, width, layers, heads, kv, d, ff, eps, base, context=256):
    m = Model(arch, seed)
    tokens, kinds, merges = vocabulary()
    m.entry("add_name", "tiny " + arch[0])  # llama.cpp alters the vocabulary of a "phi3"
    for verb, value in (("add_context_length", context), ("add_embedding_length", width),
                        ("add_block_count", layers), ("add_feed_forward_length", ff),
                        ("add_head_count", heads), ("add_head_count_kv", kv),
                        ("add_key_length", d), ("add_value_length", d),
                        ("add_layer_norm_rms_eps", eps), ("add_rope_freq_base", base),
                        ("add_rope_dimension_count", d),
                        ("add_tokenizer_model", "gpt2"), ("add_tokenizer_pre", "gpt-2"),
                        ("add_token_list", tokens), ("add_token_types", kinds),
                        ("add_token_merges", merges),
                        ("add_bos_token_id", len(tokens) - 3),
                        ("add_eos_token_id", len(tokens) - 2),
                        ("add_add_bos_token", False)):
        m.entry(verb, value)
    m.width, m.layers, m.heads, m.kv, m.d, m.ff = width, layers, heads, kv, d, ff
    m.vocab = len(tokens)
    return m


def layer(m, i, kind=T.F32, bias=False, qk_norm=False, post_norm=False, fused=False, kinds=None):
    b = f"blk.{i}."
    of = lambda part: (kinds or {}).get(part, kind)
    wide = m.heads * m.d
    narrow = m.kv * m.d
    m.vector(b + "attn_norm.weight", m.width)
    if fused:
        m.weight(b + "attn_qkv", wide + 2 * narrow, m.width, kind, 1.5)
    else:
        m.weight(b + "attn_q", wide, m.width, of("q"), 1.5)
        m.weight(b + "attn_k", narrow, m.width, of("k"), 1.5)
        m.weight(b + "attn_v", narrow, m.width, of("v"))
    if bias:
        for part, n in (("q", wide), ("k", narrow), ("v", narrow)):
            m.vector(b + f"attn_{part}.bias", n, 0.0, 0.5)
    if qk_norm:
        m.vector(b + "attn_q_norm.weight", m.d, 1.5)
        m.vector(b + "attn_k_norm.weight", m.d, 1.5)
    m.weight(b + "attn_output", m.width, wide, of("o"))
    if post_norm:
        m.vector(b + "post_attention_norm.weight", m.width)
    m.vector(b + "ffn_norm.weight", m.width)
    if fused:
        m.weight(b + "ffn_up", 2 * m.ff, m.width, kind)
    else:
        m.weight(b + "ffn_gate", m.ff, m.width, of("gate"))
        m.weight(b + "ffn_up", m.ff, m.width, of("up"))
    m.weight(b + "ffn_down", m.width, m.ff, of("down"))
    if post_norm:
        m.vector(b + "post_ffw_norm.weight", m.width)


def ends(m, embed=T.F32, output=None, gain=3.0):
    """Embedding, last norm and, unless the embedding serves, the output matrix."""
    m.weight("token_embd", m.vocab, m.width, embed, gain)
    m.vector("output_norm.weight", m.width)
    if output is not None:
        m.weight("output", m.vocab, m.width, output, 2.0)


# ---- the models ---------------------------------------------------------------------------------


def tiny_llama():
    """GQA, rotation of adjacent pairs with llama 3's frequency factors, tied output; all F32."""
    m = begin("llama", 1, 64, 2, 4, 2, 16, 64, 1e-5, 10000.0)
    ends(m)
    m.tensors.append(("rope_freqs.weight", T.F32, np.array([1, 1, 1, 1.5, 2, 4, 8, 8], np.float32)))
    for i in range(m.layers):
        layer(m, i)
    return m


def tiny_qwen2():
    """Biases on q, k, v; rotation of halves; output of its own; F16."""
    m = begin("qwen2", 2, 64, 2, 2, 1, 32, 64, 1e-6, 1000000.0)
    ends(m, T.F16, T.F16)
    for i in range(m.layers):
        layer(m, i, T.F16, bias=True)
    return m


def tiny_qwen3():
    """Norms on each head's q and k, heads wider than width / heads, YaRN; BF16."""
    m = begin("qwen3", 3, 64, 2, 4, 2, 32, 64, 1e-6, 1000000.0)
    m.entry("add_rope_scaling_type", gguf.RopeScalingType.YARN)
    m.entry("add_rope_scaling_factor", 4.0)
    m.entry("add_rope_scaling_orig_ctx_len", 32)
    ends(m, T.BF16)
    for i in range(m.layers):
        layer(m, i, T.BF16, qk_norm=True)
    return m


def tiny_gemma3():
    """A window of 16 in 5 of 6 layers, two rotation bases, scaled embedding, norms after; F16."""
    m = begin("gemma3", 4, 64, 6, 2, 1, 32, 32, 1e-6, 1000000.0)
    m.entry("add_sliding_window", 16)
    m.entry("add_rope_scaling_type", gguf.RopeScalingType.LINEAR)
    m.entry("add_rope_scaling_factor", 2.0)
    ends(m, T.F16, gain=1.5)
    for i in range(m.layers):
        layer(m, i, T.F16, qk_norm=True, post_norm=True)
    return m


def tiny_phi3():
    """q, k and v in one matrix, gate and up in one, short and, when the context is made larger
    than 256, long frequency factors; F16."""
    m = begin("phi3", 5, 64, 2, 2, 2, 32, 64, 1e-5, 10000.0, context=512)
    m.entry("add_rope_scaling_orig_ctx_len", 256)
    m.entry("add_rope_scaling_attn_factors", 1.19)
    ends(m, T.F16, T.F16)
    for kind, low in (("long", 3.0), ("short", 1.0)):
        factors = np.linspace(low, low + 1.5, m.d // 2).astype(np.float32)
        m.tensors.append((f"rope_factors_{kind}.weight", T.F32, factors))
    for i in range(m.layers):
        layer(m, i, T.F16, fused=True)
    return m


def tiny_mixed():
    """llama with a number format of its own for nearly every matrix."""
    m = begin("llama", 6, 256, 2, 4, 1, 32, 128, 1e-5, 10000.0)
    ends(m, T.Q6_K)
    layer(m, 0, kinds={"q": T.Q4_K, "k": T.Q5_K, "v": T.Q8_0, "o": T.Q4_0, "gate": T.Q2_K,
                       "up": T.Q3_K, "down": T.Q5_0})
    layer(m, 1, kinds={"q": T.IQ4_XS, "k": T.Q4_1, "v": T.Q6_K, "o": T.Q5_1, "gate": T.Q5_K,
                       "up": T.Q4_K, "down": T.IQ4_NL})
    return m


# ---- golden logits ------------------------------------------------------------------------------


def build(llama, folder):
    program = folder / "golden_logits"
    source = pathlib.Path(__file__).parent / "golden_logits.c"
    subprocess.run(["cc", "-O1", f"-I{llama}/include", f"-I{llama}/ggml/include", source,
                    f"-L{llama}/build/bin", "-lllama", "-lggml", "-lggml-base",
                    f"-Wl,-rpath,{llama}/build/bin", "-o", program], check=True)
    return program


def logits(program, model, way, ids, folder, context=256):
    out = folder / "logits.bin"
    subprocess.run([program, model, way, str(context), out, *map(str, ids)], check=True)
    return np.fromfile(out, "<f4").reshape(len(ids), -1)


def compare(program, folder, name, model, wide, ids, context=256):
    """The golden file of a tiny model."""
    truth = logits(program, wide, "f32", ids, folder, context)
    peer = logits(program, model, "f16", ids, folder, context)
    save(name, ids, truth, peer, [0, 1, 7, 16, 17, 39], 0)


def save(name, ids, truth, peer, rows, top):
    out = b"MNLG" + struct.pack("<I", len(ids)) + np.array(ids, "<i4").tobytes()
    out += struct.pack("<I", len(rows))
    for row in rows:
        order = np.argsort(-truth[row], kind="stable")[:top] if top else np.arange(truth.shape[1])
        out += struct.pack("<II", row, len(order))
        table = np.empty(len(order), [("id", "<i4"), ("truth", "<f4"), ("peer", "<f4")])
        table["id"], table["truth"], table["peer"] = order, truth[row][order], peer[row][order]
        out += table.tobytes()
    (DATA / f"{name}.logits").write_bytes(out)
    off = np.abs(truth - peer)[rows]
    print(f"{name}: logits spread {truth[rows].std():.3g}, peer off by {off.max():.3g} at most, "
          f"{np.sqrt((off ** 2).mean()):.3g} rms; top-1 equal "
          f"{(truth[rows].argmax(1) == peer[rows].argmax(1)).mean():.2f}")


def main():
    llama = pathlib.Path(sys.argv[1]).resolve()
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program = build(llama, folder)
        for make in (tiny_llama, tiny_qwen2, tiny_qwen3, tiny_gemma3, tiny_phi3, tiny_mixed):
            name = make.__name__.replace("_", "-")
            m = make()
            file, wide = DATA / f"{name}.gguf", folder / "wide.gguf"
            m.write(file, widen=False)
            m.write(wide, widen=True)
            ids = m.rng.integers(0, m.vocab, IDS).tolist()
            compare(program, folder, name, file, wide, ids)
            if m.arch == "phi3":
                compare(program, folder, name + "-long", file, wide, ids, 512)
        for name, path in (a.split("=", 1) for a in sys.argv[2:]):
            words = subprocess.run([llama / "build/bin/llama-tokenize", "-m", path, "-p", PROMPT,
                                    "--ids", "--log-disable"], check=True, capture_output=True)
            ids = json.loads(words.stdout.decode().strip().splitlines()[-1])[:32]
            wide = folder / "wide.gguf"
            subprocess.run([llama / "build/bin/llama-quantize", "--allow-requantize", path, wide,
                            "F32"], check=True, capture_output=True)
            truth = logits(program, wide, "f32", ids, folder)
            peer = logits(program, path, "f16", ids, folder)
            save(name, ids, truth, peer, list(range(len(ids) - 4, len(ids))), 100)


if __name__ == "__main__":
    main()
