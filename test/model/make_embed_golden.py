#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what the tests of embeddings compare with: ids by PyPI tokenizers, vectors by numpy.

    make_embed_golden.py MINILM.safetensors

MINILM is minilm-l6 as `omnesia pull` has it (its vocabulary and configuration are found beside
it). Needs PyPI numpy, tokenizers and gguf. The pass below is BERT's equations (Devlin et al. 2018)
in float64, and shares nothing with src/. Written to test/model/data, little endian:

    tiny-bert/model.safetensors, config.json, vocab.txt   a random model: F32, F16, BF16 tensors
    tiny-bert.gguf     the same as llama.cpp names it, its matrices as Q8_0
    NAME.vectors       "MNVG", u32 width, u32 n, and n x
                       (u32 bytes, text, u32 n_ids, i32 ids, f32 vector)
    NAME.random        u32 for each random text: FNV-1a of its ids (embed_golden.h makes the same)
    tiny-bert.points   u64 for each 4096 code points: FNV-1a of the ids of "a", the point, "b"
"""

import json
import math
import pathlib
import struct
import sys
import tempfile

import gguf
import numpy as np
from gguf.quants import quantize
from tokenizers import BertWordPieceTokenizer

DATA = pathlib.Path(__file__).parent / "data"
RANDOM_TEXTS = 4000

# ---- texts -------------------------------------------------------------------------------------

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "",
    " ",
    "a",
    "Hello, world!",
    "How do I bake sourdough bread without a starter?",
    "SELECT name, COUNT(*) FROM users WHERE age >= 21 GROUP BY name HAVING COUNT(*) > 3;",
    'int main(void) { return puts("hi") < 0; }',
    "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung.",
    "Être ou ne pas être, telle est la question; l'été, où êtes-vous allés, garçon?",
    "El niño comió una piñata de azúcar y se fue a dormir la siesta.",
    "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.",
    "我能吞下玻璃而不伤身体。今天天气很好,我们去公园散步吧。",
    "吾輩は猫である。名前はまだ無い。ネコとイヌ",
    "나는 유리를 먹을 수 있어요. 그래도 아프지 않아요",
    "السلام عليكم ورحمة الله وبركاته، كيف حالك اليوم؟",
    "मैं काँच खा सकता हूँ और मुझे उससे कोई चोट नहीं पहुंचती।",
    "ฉันกินกระจกได้ แต่มันไม่ทำให้ฉันเจ็บ",
    "Μπορώ να φάω σπασμένα γυαλιά χωρίς να πάθω τίποτα.",
    "אני יכול לאכול זכוכית וזה לא מזיק לי.",
    "Emoji: \U0001f600\U0001f469\u200d\U0001f469\u200d\U0001f467 and ZWJ\u200d, BOM "
    "\ufeff, nbsp\u00a0, soft\u00adhyphen, tab\tand\nnewline\r\nend",
    "\u210c\U0001d522\U0001d529\U0001d529\U0001d52c \ufb01 \ufb02 \u00bd \u2460 \uff21\uff42\uff43",
    "Z\u0351\u036b\u0343A\u0334\u0335\u031cL\u0320\u0368G\u0334\u033bO\u0328!",
    "e\u0301 vs \u00e9, \u1e69 vs s\u0323\u0307, \ud55c vs \u1112\u1161\u11ab",
    "\u0130stanbul'da \u0131ss\u0131z \u015eEH\u0130R, Stra\u00dfe GRO\u1e9e, "
    "\u0152UVRE \u01c5 \ufb03",
    "a" * 100,
    "a" * 101,
    "pneumonoultramicroscopicsilicovolcanoconiosis " * 3,
    "!?.,;:'\"()[]{}<>@#$%^&*-_=+`~|\\/",
    "Price: $1,234.56 (\u2248 \u20ac1.100,00) \u2013 50% off\u2026 \u201cquotes\u201d "
    "\u00abguillemets\u00bb \u2014",
    "\x00\x01\x02 control\x7f characters \x1b[31mred\x1b[0m \ufffd replaced",
    "\u2028line\u2029para\u3000ideographic space\u1680ogham\u205fmath",
    "1234567890 3.14159 1e-9 0xDEADBEEF 2026-11-26T09:33:00Z",
    "https://example.com/path?query=string&x=1#fragment user@example.org",
    "The mitochondrion is the powerhouse of the cell. " * 12,
    "word " * 510,
    "king",
    "queen",
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A cheetah is running behind its prey.",
]

TINY_TEXTS = [
    "",
    "a",
    "the cat sat on the mat",
    "The CAT, the m\u00e1t!",
    "cab bad fade",
    "zzz \u4e2d\u6587 abc",
    "word of many letters " * 2,
    "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3",
    "un\u0301broken",
    "\u0001\u200ba\ufffdb",
    "x" * 101,
]


class Dice:
    """The same numbers as embed_texts.h has them."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


WORDS = [
    "the",
    "Omnesia",
    "memory",
    "un",
    "believable",
    "caf\u00e9",
    "na\u00efve",
    "STRASSE",
    "stra\u00dfe",
    "don't",
    "e-mail",
    "3.14",
    "\u4e2d\u6587",
    "\u65e5\u672c\u8a9e",
    "\ud55c\uad6d\uc5b4",
    "\u043f\u0440\u0438\u0432\u0435\u0442",
    "\u0645\u0631\u062d\u0628\u0627",
    "\u0928\u092e\u0938\u094d\u0924\u0947",
    "##ing",
    "unaffable",
]
RANGES = [
    (0x20, 0x7E),
    (0, 0x2FF),
    (0x300, 0x36F),
    (0x370, 0x5FF),
    (0x600, 0x1FFF),
    (0x2000, 0x2BFF),
    (0x3000, 0x9FFF),
    (0xA000, 0xD7FF),
    (0xF900, 0xFFFF),
    (0x10000, 0x1FFFF),
    (0x20000, 0x2FFFF),
    (0, 0x10FFFF),
]


def random_text(i):
    dice, out = Dice(i + 1), []
    for _ in range(1 + dice(24)):
        kind = dice(4)
        if kind == 0:
            out.append(WORDS[dice(len(WORDS))])
        elif kind == 1:
            out.append("".join(chr(97 + dice(26)) for _ in range(1 + dice(9))))
        elif kind == 2:
            low, high = RANGES[dice(len(RANGES))]
            c = low + dice(high - low + 1)
            out.append("" if 0xD800 <= c < 0xE000 else chr(c))
        else:
            out.append(" ")
    return "".join(out)


def fnv(ids, h, bits):
    prime = 0x01000193 if bits == 32 else 0x100000001B3
    for i in ids:
        h = ((h ^ i) * prime) % 2**bits
    return h


FNV32, FNV64 = 0x811C9DC5, 0xCBF29CE484222325

# ---- the pass ----------------------------------------------------------------------------------

erf = np.vectorize(math.erf)


def read_safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    out = {}
    for name, t in json.loads(raw[8 : 8 + n]).items():
        if name == "__metadata__" or t["dtype"] not in ("F32", "F16", "BF16"):
            continue
        a, b = t["data_offsets"]
        bits = raw[8 + n + a : 8 + n + b]
        if t["dtype"] == "BF16":
            x = (np.frombuffer(bits, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            x = np.frombuffer(bits, "<f4" if t["dtype"] == "F32" else "<f2")
        out[name] = x.reshape(t["shape"]).astype(np.float64)
    return out


def encode(w, config, ids):
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]

    def norm(x, p):
        d = x - x.mean(-1, keepdims=True)
        return (
            d / np.sqrt((d * d).mean(-1, keepdims=True) + eps) * w[p + ".weight"] + w[p + ".bias"]
        )

    def linear(x, p):
        return x @ w[p + ".weight"].T + w[p + ".bias"]

    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        q, k, v = (
            linear(x, p + "attention.self." + part).reshape(len(ids), heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        s = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        s = np.exp(s - s.max(-1, keepdims=True))
        a = (s / s.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(x + linear(a, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        h = linear(x, p + "intermediate.dense")
        h = 0.5 * h * (1 + erf(h / math.sqrt(2)))
        x = norm(x + linear(h, p + "output.dense"), p + "output.LayerNorm")
    v = x.mean(0)
    return v / np.linalg.norm(v)


def golden(name, model, config, vocab, texts):
    """Vectors and hashes of one model."""
    tokenizer = BertWordPieceTokenizer(str(vocab), lowercase=True)
    tokenizer._tokenizer.no_truncation()
    w, config = read_safetensors(model), json.loads(pathlib.Path(config).read_text())
    out = [b"MNVG", struct.pack("<II", config["hidden_size"], len(texts))]
    for text in texts:
        ids = tokenizer.encode(text).ids
        assert len(ids) <= config["max_position_embeddings"], text
        raw = text.encode()
        out += [
            struct.pack("<I", len(raw)),
            raw,
            struct.pack(f"<I{len(ids)}i", len(ids), *ids),
            encode(w, config, ids).astype("<f4").tobytes(),
        ]
    (DATA / f"{name}.vectors").write_bytes(b"".join(out))
    hashes = [fnv(tokenizer.encode(random_text(i)).ids, FNV32, 32) for i in range(RANDOM_TEXTS)]
    (DATA / f"{name}.random").write_bytes(struct.pack(f"<{len(hashes)}I", *hashes))
    return tokenizer


# ---- the tiny model ----------------------------------------------------------------------------

CONFIG = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 64,
    "intermediate_size": 96,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
    "position_embedding_type": "absolute",
}


def tiny_vocab():
    letters = [chr(c) for c in range(97, 123)]
    return (
        ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        + letters
        + ["##" + c for c in letters]
        + list("0123456789!,.'-")
        + [
            "the",
            "cat",
            "mat",
            "##at",
            "word",
            "##s",
            "ab",
            "##ab",
            "un",
            "##ing",
            "\u4e2d",
            "\u00df",
            "\u043f\u0440",
            "##\u0438",
            "\u0646",
            "\u1100\u1161",
        ]
    )


def write_tiny(folder):
    rng = np.random.default_rng(20)
    vocab = list(dict.fromkeys(tiny_vocab()))
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8")
    config = dict(CONFIG, vocab_size=len(vocab))
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    D, F = config["hidden_size"], config["intermediate_size"]
    tensors = []

    def add(name, shape, dtype, mean=0.0, spread=0.15):
        tensors.append((name, rng.normal(mean, spread, shape).astype(np.float32), dtype))

    add("embeddings.word_embeddings.weight", (len(vocab), D), "BF16", spread=1)
    add(
        "embeddings.position_embeddings.weight",
        (config["max_position_embeddings"], D),
        "F16",
        spread=0.3,
    )
    add("embeddings.token_type_embeddings.weight", (2, D), "F32")
    norms = ["embeddings.LayerNorm"]
    for i in range(config["num_hidden_layers"]):
        p, dtype = f"encoder.layer.{i}.", ("F32", "F16")[i]
        for part, n, k in (
            ("attention.self.query", D, D),
            ("attention.self.key", D, D),
            ("attention.self.value", D, D),
            ("attention.output.dense", D, D),
            ("intermediate.dense", F, D),
            ("output.dense", D, F),
        ):
            add(p + part + ".weight", (n, k), dtype, spread=0.25)
            add(p + part + ".bias", (n,), "F32")
        norms += [p + "attention.output.LayerNorm", p + "output.LayerNorm"]
    for p in norms:
        add(p + ".weight", (D,), "F32", mean=1)
        add(p + ".bias", (D,), "F32")
    tensors.append(("embeddings.position_ids", np.arange(64, dtype=np.int64).reshape(1, 64), "I64"))
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, x, dtype in tensors:
        if dtype == "BF16":
            bits = (x.view(np.uint32) >> 16).astype("<u2").tobytes()
        else:
            bits = x.astype({"F32": "<f4", "F16": "<f2", "I64": "<i8"}[dtype]).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(x.shape),
            "data_offsets": [len(data), len(data) + len(bits)],
        }
        data += bits
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return vocab, config


NAMES = [
    ("embeddings.word_embeddings", "token_embd"),
    ("embeddings.position_embeddings", "position_embd"),
    ("embeddings.token_type_embeddings", "token_types"),
    ("embeddings.LayerNorm", "token_embd_norm"),
    ("encoder.layer.", "blk."),
    (".attention.self.query", ".attn_q"),
    (".attention.self.key", ".attn_k"),
    (".attention.self.value", ".attn_v"),
    (".attention.output.dense", ".attn_output"),
    (".attention.output.LayerNorm", ".attn_output_norm"),
    (".intermediate.dense", ".ffn_up"),
    (".output.dense", ".ffn_down"),
    (".output.LayerNorm", ".layer_output_norm"),
]


def write_gguf(folder, vocab, config):
    g = gguf.GGUFWriter(str(DATA / "tiny-bert.gguf"), "bert")
    g.add_block_count(config["num_hidden_layers"])
    g.add_context_length(config["max_position_embeddings"])
    g.add_embedding_length(config["hidden_size"])
    g.add_feed_forward_length(config["intermediate_size"])
    g.add_head_count(config["num_attention_heads"])
    g.add_layer_norm_eps(config["layer_norm_eps"])
    g.add_tokenizer_model("bert")
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    g.add_token_list(
        [t if t in specials else t[2:] if t.startswith("##") else "\u2581" + t for t in vocab]
    )
    g.add_token_types([2 if t == "[UNK]" else 3 if t in specials else 1 for t in vocab])
    g.add_unk_token_id(vocab.index("[UNK]"))
    g.add_bos_token_id(vocab.index("[CLS]"))
    g.add_eos_token_id(vocab.index("[SEP]"))
    for name, x in read_safetensors(folder / "model.safetensors").items():
        for here, there in NAMES:
            name = name.replace(here, there)
        x = x.astype(np.float32)
        if name.startswith("blk.") and x.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            g.add_tensor(name, quantize(x, kind), raw_dtype=kind)
        else:
            g.add_tensor(name, x)
    g.write_header_to_file()
    g.write_kv_data_to_file()
    g.write_tensors_to_file()
    g.close()


def main(minilm):
    folder = DATA / "tiny-bert"
    folder.mkdir(exist_ok=True)
    vocab, config = write_tiny(folder)
    write_gguf(folder, vocab, config)
    tokenizer = golden(
        "tiny-bert",
        folder / "model.safetensors",
        folder / "config.json",
        folder / "vocab.txt",
        TINY_TEXTS,
    )
    blocks = []
    for first in range(0, 0x110000, 4096):
        points = [c for c in range(first, first + 4096) if not 0xD800 <= c < 0xE000]
        h = FNV64
        for e in tokenizer._tokenizer.encode_batch([f"a{chr(c)}b" for c in points]):
            h = fnv(e.ids, h, 64)
        blocks.append(h)
    (DATA / "tiny-bert.points").write_bytes(struct.pack(f"<{len(blocks)}Q", *blocks))
    stem = minilm[: -len(".safetensors")]
    golden("minilm-l6", minilm, stem + ".config.json", stem + ".vocab.txt", TEXTS)


if __name__ == "__main__":
    main(sys.argv[1])
