#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/model/make_tokenizer_golden.py - vocabularies and golden ids for the tokenizer tests.

    make_tokenizer_golden.py                        ids of the small vocabularies
    make_tokenizer_golden.py --train                ... after making these anew (ties by chance)
    make_tokenizer_golden.py --real NAME FILE.gguf  ids of a real vocabulary (NAME: smollm2)
    make_tokenizer_golden.py --compare FILE.gguf..  our program beside the oracles, nothing written
        [--llama PROGRAM]  llama-tokenize; with --real both oracles must agree
        [--omnesia PROGRAM --strings N --seed S]  what to compare: corpus and N random strings

For every pre-tokenizer row a small vocabulary is trained on the corpus by the field's own trainers
(PyPI tokenizers for BPE, sentencepiece for SentencePiece), written to data/tokenizer_ROW.gguf, and
the corpus is encoded by the same library: data/tokenizer_ROW.ids, one line a text. The patterns
below are those the models were published with, in Oniguruma's syntax: not read from our source,
so that a mistake there shows. Needs: gguf tokenizers sentencepiece numpy.
"""
import argparse
import io
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, trainers

DATA = Path(__file__).parent / "data"
NORMAL, UNKNOWN, CONTROL, USER, BYTE = 1, 2, 3, 4, 6
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
CASED = (
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕ"
    "\u1f18-\u1f1d"
    "ἠ-ὅ\u1f48-\u1f4dὐ-ὗὙὛὝὟ-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌῐ-\u1fd3ῖ-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝ"
    "ℤ\u2126ℨ\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻"
    "𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃")
IDEOGRAPHS = "[一-龥ࠀ-一가-\ud7ff]+"
ROWS = {  # name: patterns, one after the other, each isolating its matches
    "gpt-2": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "starcoder": [r"\p{N}", GPT2],
    "llama-bpe": [WORDS % r"\p{N}{1,3}"],
    "qwen2": [WORDS % r"\p{N}"],
    "deepseek-llm": ["[\r\n]", rf"\s?[{CASED}]+", "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+", r"\s+$",
                     IDEOGRAPHS, r"\p{N}+"],
    "deepseek-coder": ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", IDEOGRAPHS, r"\p{N}"],
    "gemma4": ["[^\n]+|\n+"],
}
BEGIN, END = "<|begin|>", "<|im_end|>"
TAG = "<tag>"  # user-defined: taken from any text


def corpus():
    texts = []
    for line in (DATA / "tokenizer_corpus.txt").read_bytes().split(b"\n")[:-1]:
        if line.startswith(b"#:"):
            continue
        texts.append(re.sub(rb"\\(x[0-9A-F]{2}|.)", unescape, line).decode("utf-8"))
    return texts


def unescape(match):
    what = match[1]
    named = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\"}
    return named[what] if what in named else bytes([int(what[1:], 16)])


def splitter(patterns, byte_level=True):
    steps = [pre_tokenizers.Split(Regex(p), "isolated") for p in patterns]
    if byte_level:
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    return pre_tokenizers.Sequence(steps)


def bpe(row, vocab=None, merges=None, user=(), unk=None):
    """The row's tokenizer as the field builds it; untrained when there is no vocabulary."""
    chars = row == "gemma4"
    model = models.BPE(vocab=vocab, merges=merges, ignore_merges=row == "llama-bpe",
                       byte_fallback=chars, unk_token=unk, fuse_unk=False)
    tok = Tokenizer(model)
    if chars:
        tok.normalizer = normalizers.Replace(" ", "\u2581")
    tok.pre_tokenizer = splitter(ROWS[row], not chars)
    tok.add_tokens([AddedToken(t, normalized=False) for t in user])
    return tok


def train(row, texts):
    """(tokens, types, merges) of a small vocabulary."""
    tok = bpe(row)
    chars = row == "gemma4"
    special = [BEGIN, END, "<unk>"] + [f"<0x{i:02X}>" for i in range(256) if chars]
    alphabet = [] if chars else pre_tokenizers.ByteLevel.alphabet()
    texts = [t for t in texts if END not in t]  # no merge may make a special token
    tok.train_from_iterator(texts * 3, trainers.BpeTrainer(
        vocab_size=900 if chars else 640, min_frequency=2, show_progress=False,
        limit_alphabet=300, special_tokens=special, initial_alphabet=alphabet))
    model = __import__("json").loads(tok.to_str())["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    tokens = [t for t, _ in sorted(model["vocab"].items(), key=lambda x: x[1])]
    tokens.append(TAG)
    types = [CONTROL if t in (BEGIN, END) else UNKNOWN if t == "<unk>" else USER if t == TAG else
             BYTE if chars and re.fullmatch("<0x..>", t) else NORMAL for t in tokens]
    return tokens, types, merges


def write(path, model, row, tokens, types, merges=None, scores=None, **flags):
    w = gguf.GGUFWriter(path, "llama")
    w.add_tokenizer_model(model)
    if model == "gpt2":
        w.add_tokenizer_pre(row)
    w.add_token_list([t.encode("utf-8") for t in tokens])
    w.add_token_types(types)
    if merges is not None:
        w.add_token_merges(merges)
    if scores is not None:
        w.add_token_scores(scores)
    for key, value in flags.items():
        getattr(w, f"add_{key}")(value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()


def vocabulary(name):
    return DATA / f"tokenizer_{name}.gguf"


def make_bpe(row, texts):
    tokens, types, merges = train(row, texts)
    write(vocabulary(row), "gemma4" if row == "gemma4" else "gpt2", row, tokens, types, merges,
          bos_token_id=0, eos_token_id=1, unk_token_id=2,
          add_bos_token=row in ("llama-bpe", "gemma4"))


def make_spm(name, texts, prefix):
    """SentencePiece's own trainer and encoder; with a prefix as Llama, without as Gemma."""
    out = io.BytesIO()
    lines = [p for t in texts for p in t.split("\n") if p and "\0" not in p and "\u2581" not in p]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 3), model_writer=out, model_type="bpe", vocab_size=1000,
        byte_fallback=True, character_coverage=0.98, normalization_rule_name="identity",
        add_dummy_prefix=prefix, remove_extra_whitespaces=False, minloglevel=2,
        user_defined_symbols=[TAG, "\n", "\n\n"] if not prefix else [TAG], unk_id=0, bos_id=1,
        eos_id=2)
    (DATA / f"tokenizer_{name}.spm").write_bytes(out.getvalue())
    sp = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    tokens = [sp.id_to_piece(i) for i in range(sp.vocab_size())]
    types = [UNKNOWN if sp.is_unknown(i) else CONTROL if sp.is_control(i) else BYTE if sp.is_byte(i)
             else USER if t in (TAG, "\n", "\n\n") else NORMAL for i, t in enumerate(tokens)]
    write(vocabulary(name), "llama", name, tokens, types,
          scores=[sp.get_score(i) for i in range(len(tokens))], bos_token_id=1, eos_token_id=2,
          unk_token_id=0, add_bos_token=True, add_space_prefix=prefix)


def spm_ids(name, texts):
    sp = sentencepiece.SentencePieceProcessor(model_file=str(DATA / f"tokenizer_{name}.spm"))
    return [sp.encode(t) for t in texts]


def keep(name, ids):
    text = "".join(" ".join(map(str, line)) + "\n" for line in ids)
    (DATA / f"tokenizer_{name}.ids").write_text(text)
    print(f"{name}: {len(ids)} texts, {sum(map(len, ids))} ids")


def field(reader, key, fallback=None):
    f = reader.fields.get("tokenizer.ggml." + key)
    return fallback if f is None else f.contents()


def from_gguf(path):
    """PyPI tokenizers' view of a BPE vocabulary in a GGUF; None for other kinds."""
    r = gguf.GGUFReader(path)
    row = "gemma4" if field(r, "model") == "gemma4" else field(r, "pre")
    if field(r, "model") not in ("gpt2", "gemma4") or row not in ROWS:
        return None
    tokens, types = field(r, "tokens"), field(r, "token_type")
    merges = [tuple(m.split(" ", 1)) for m in field(r, "merges")]
    user = [t for t, k in zip(tokens, types) if k == USER]
    return bpe(row, {t: i for i, t in enumerate(tokens)}, merges, user)


def llama_ids(program, model, text):
    with tempfile.NamedTemporaryFile() as f:
        f.write(text.encode("utf-8"))
        f.flush()
        run = subprocess.run([program, "-m", model, "-f", f.name, "--ids", "--no-bos",
                              "--no-parse-special", "--no-escape", "--log-disable"],
                             capture_output=True, check=True)
    return [int(x) for x in re.findall(r"\d+", run.stdout.decode())]


def real(name, path, llama):
    tok, ids = from_gguf(path), []
    for text in corpus():
        ids.append(tok.encode(text, add_special_tokens=False).ids)
        if llama and text and ids[-1] != llama_ids(llama, path, text):
            sys.exit(f"the oracles differ on {text!r}")
    keep(name, ids)


def random_text(rng, texts):
    """Half mixtures of the corpus, half random characters of all planes."""
    if rng.random() < 0.5:
        return "".join(t[i:i + rng.randrange(1, 20)] for t in rng.choices(texts, k=rng.randrange(9))
                       for i in [rng.randrange(len(t) + 1)])
    limits = [0x80, 0x80, 0x800, 0x3200, 0x10000, 0x20000, 0x110000]
    points = [rng.randrange(rng.choice(limits)) for _ in range(rng.randrange(40))]
    return "".join(chr(c) for c in points if not 0xD800 <= c < 0xE000 and c != 0x2581)


def compare(paths, args):
    texts, rng = corpus(), random.Random(args.seed)
    texts += [random_text(rng, texts) for _ in range(args.strings)]
    for path in paths:
        tok, different, compared = from_gguf(path), 0, 0
        for text in filter(None, texts):
            run = subprocess.run([args.omnesia, "tokenize", "-m", path, "--no-special", "--file",
                                  "-"], input=text.encode("utf-8"), capture_output=True, check=True)
            ours = [int(x) for x in run.stdout.split()]
            for theirs in ([tok.encode(text, add_special_tokens=False).ids] if tok else []) + (
                    [llama_ids(args.llama, path, text)] if args.llama else []):
                compared += 1
                if ours != theirs:
                    different += 1
                    print(f"{path}: {text!r}\n  ours   {ours}\n  theirs {theirs}")
        print(f"{path}: {compared} compared, {different} different")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--real", nargs=2, metavar=("NAME", "FILE"))
    parser.add_argument("--compare", nargs="+", metavar="FILE")
    parser.add_argument("--llama", metavar="PROGRAM")
    parser.add_argument("--omnesia", default="build/release/omnesia", metavar="PROGRAM")
    parser.add_argument("--strings", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.real:
        return real(*args.real, args.llama)
    if args.compare:
        return compare(args.compare, args)
    texts = corpus()
    for row in ROWS:
        if args.train:
            make_bpe(row, texts)
        tok = from_gguf(vocabulary(row))
        keep(row, [tok.encode(t, add_special_tokens=False).ids for t in texts])
    for name, prefix in (("llama", True), ("gemma", False)):
        if args.train:
            make_spm(name, texts, prefix)
        keep(name, spm_ids(name, texts))


if __name__ == "__main__":
    main()
