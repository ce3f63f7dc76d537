#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does omnesia say what llama.cpp says? Perplexity and next-token distributions, side by side.

For each model, and for SmolLM2 re-quantised to every supported format, both programs score one
text in windows of --ctx tokens that do not overlap, the second half of each window counting
(llama-perplexity's definition). llama-perplexity saves its log-probabilities; `omnesia perplexity
--kl-base` reads them, feeds the same tokens and prints mean KL and how often the likeliest token
is the same. With --builds, what two builds of llama.cpp itself (AVX2, AVX-512) differ by is
measured the same way. With --truth the same weights are unpacked to F32 and run by llama.cpp
without rounding activations, and both programs are compared with that: both round activations to
8 bits, each in its own way, so what they differ by is the sum of two errors, and only this says
whose is the larger.

Bars: perplexity within 0.5 %; mean KL <= 1e-3 or twice that between the two builds, whichever is
larger; likeliest token equal >= 98.5 %. The text is Python's own help on the language (module
pydoc_data.topics), which is on every machine that can run this file: prose and code.
"""
import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

import proc
import sides
import table

ROOT = Path(__file__).resolve().parents[2]
FORMATS = ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K_M", "Q4_K_M",
           "Q5_K_M", "Q6_K", "IQ4_NL", "IQ4_XS")
PERPLEXITY_BAR, KL_BAR, TOP_BAR = 0.005, 1e-3, 0.985


def corpus():
    """The text as a file, written once; its name carries its hash, as Python versions differ."""
    from pydoc_data import topics
    text = "\n\n".join(topics.topics[name].strip() for name in sorted(topics.topics))
    data = text.encode()
    path = sides.peers_dir() / f"text-{hashlib.sha256(data).hexdigest()[:12]}.txt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return path


def number(pattern, text, what):
    found = re.search(pattern, text)
    if not found:
        raise proc.Failed(f"no {what} in the output of the program: {text.strip()[-200:]!r}")
    return float(found[1])


class Llama:
    def __init__(self, folder, a):
        self.program, self.a = Path(folder) / "llama-perplexity", a

    def call(self, model, *more):
        # Its report goes to standard error; sh brings both streams together.
        return proc.run(["sh", "-c", 'exec "$@" 2>&1', "sh", self.program, "-m", model, "-f",
                         self.a.file, "-c", self.a.ctx, "--chunks", self.a.chunks, "-t",
                         self.a.threads, "--no-escape", *more]).text

    def perplexity(self, model, save=None):
        more = ["--save-all-logits", save] if save else []
        return number(r"PPL = ([0-9.]+)", self.call(model, *more), "perplexity")

    def divergence(self, model, base):
        """(mean KL, share of equal likeliest tokens) of this build from the saved one."""
        text = self.call(model, "--kl-divergence", "--kl-divergence-base", base)
        return (number(r"Mean\s+KLD:\s+(-?[0-9.]+)", text, "mean KL"),
                number(r"Same top p:\s+([0-9.]+)", text, "share of equal tokens") / 100)


class Omnesia:
    def __init__(self, program, a):
        self.ours, self.a = sides.Ours(program, a.threads), a

    def call(self, model, *more):
        return proc.run([self.ours.program, "perplexity", "-m", model, "-t", self.a.threads, *more],
                        self.ours.env).text

    def perplexity(self, model):
        text = self.call(model, "--file", self.a.file, "--ctx", self.a.ctx, "--chunks",
                         self.a.chunks)
        return number(r"perplexity: ([0-9.]+)\s*$", text, "perplexity")

    def divergence(self, model, base):
        text = self.call(model, "--kl-base", base)
        return (number(r"mean KL: (-?[0-9.e+-]+)", text, "mean KL"),
                number(r"top-1 equal: ([0-9.]+) %", text, "share of equal tokens") / 100)


def compare(model, path, a, native, builds, ours, exact=None):
    """All figures of one model, by name. `exact` is the file of the same weights in F32."""
    saved = sides.peers_dir() / "logits.kl"
    row = {"model": model}
    try:
        row["llama"] = native.perplexity(path, saved)
        if ours:
            row["ours"] = ours.perplexity(path)
            row["kl"], row["top"] = ours.divergence(path, saved)
        if builds:
            if builds[0] is not native:
                builds[0].perplexity(path, saved)
            row["kl_builds"], row["top_builds"] = builds[1].divergence(path, saved)
        if exact:
            row["truth"] = native.perplexity(exact, saved)
            row["kl_truth_llama"], row["top_truth_llama"] = native.divergence(path, saved)
            if ours:
                row["kl_truth"], row["top_truth"] = ours.divergence(path, saved)
    finally:
        saved.unlink(missing_ok=True)
    return row


def verdict(row):
    if "ours" not in row:
        return "not measured"
    wrong = []
    if abs(row["ours"] / row["llama"] - 1) > PERPLEXITY_BAR:
        wrong.append("perplexity")
    if row["kl"] > max(KL_BAR, 2 * row.get("kl_builds", 0)):
        wrong.append("KL")
    if row["top"] < TOP_BAR:
        wrong.append("likeliest token")
    return f"below: {', '.join(wrong)}" if wrong else "pass"


def distance(row, side):
    return f"{row['kl_truth' + side]:.2e}, {100 * row['top_truth' + side]:.2f} %"


COLUMNS = (("llama.cpp", lambda r: f"{r['llama']:.4f}"),
           ("omnesia", lambda r: f"{r['ours']:.4f}"),
           ("apart", lambda r: f"{100 * (r['ours'] / r['llama'] - 1):+.3f} %"),
           ("mean KL", lambda r: f"{r['kl']:.2e}"),
           ("top-1 equal", lambda r: f"{100 * r['top']:.2f} %"),
           ("KL of AVX2 and AVX-512 builds", lambda r: f"{r['kl_builds']:.2e}"),
           ("their top-1", lambda r: f"{100 * r['top_builds']:.2f} %"),
           ("F32", lambda r: f"{r['truth']:.4f}"),
           ("llama.cpp from F32", lambda r: distance(r, "_llama")),
           ("omnesia from F32", lambda r: distance(r, "")))


def cells(row):
    got = [row["model"]]
    for _, form in COLUMNS:
        try:
            got.append(form(row))
        except KeyError:
            got.append("-")
    return got + [row.get("problem") or verdict(row)]


def markdown(rows, a):
    head = ["model", *(name for name, _ in COLUMNS), "verdict"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells(row)) + " |")
    date = proc.machine()["date"]
    return (f"{a.chunks} windows of {a.ctx} tokens of {Path(a.file).name}, {date}.\n\n"
            + "\n".join(lines))


def arguments(argv):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--model", action="append", metavar="NAME[=FILE]", help="only this model")
    p.add_argument("--format", action="append", metavar="F", choices=(*FORMATS, "none"),
                   help="re-quantise SmolLM2 to these only; none: not at all")
    p.add_argument("--file", help="another text")
    p.add_argument("--ctx", type=int, default=512)
    p.add_argument("--chunks", type=int, default=17, help="17 windows of 512 score 4,335 tokens")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--omnesia", default=ROOT / "build/release/omnesia")
    p.add_argument("--peer-only", action="store_true", help="llama.cpp alone")
    p.add_argument("--builds", action="store_true",
                   help="also AVX2 beside AVX-512 of llama.cpp (one or two more builds)")
    p.add_argument("--truth", action="store_true",
                   help="also both beside the same weights in F32 (4 bytes a weight on disk)")
    p.add_argument("--json", action="store_true")
    p.add_argument("--write", type=Path, metavar="FILE", help="put the table into FILE")
    return p.parse_args(argv)


def main(argv):
    a = arguments(argv)
    a.file = a.file or corpus()
    peer = sides.Peer(sides.build_peer(), a.threads)
    native = Llama(peer.folder, a)
    builds = None
    if a.builds:  # the build for this machine is the AVX-512 one, unless it has more
        plain = "avx512f" in proc.machine()["flags"] and "amx_int8" not in proc.machine()["flags"]
        builds = [native if plain else Llama(sides.build_peer("avx512"), a),
                  Llama(sides.build_peer("avx2"), a)]
    ours = None if a.peer_only else Omnesia(a.omnesia, a)
    files = dict(w.partition("=")[::2] for w in a.model or table.MODELS)
    formats = [f for f in a.format or FORMATS if f != "none"] if table.SMOL in files else []
    rows = []
    for model in [*files, *(f"{table.SMOL}:{f}" for f in formats)]:
        name, _, kind = model.partition(":")
        try:
            files[name] = files[name] or str(sides.Ours(a.omnesia, a.threads).pull(name))
            path = Path(files[name]).resolve()
            path = peer.requantise(path, kind) if kind else path
            exact = peer.requantise(path, "F32") if a.truth else None
            rows.append(compare(model, path, a, native, builds, ours, exact))
        except (proc.Failed, OSError) as e:
            rows.append({"model": model, "problem": f"failed: {e}"})
        if not a.json:
            print("  ".join(cells(rows[-1])), flush=True)
    if a.json:
        print(json.dumps(rows))
    if a.write:
        table.put_between(a.write, "perplexity", markdown(rows, a))
    return int(any(verdict(row) != "pass" for row in rows if "ours" in row or "problem" in row))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (proc.Failed, OSError, ValueError) as problem:
        sys.exit(f"perplexity: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
