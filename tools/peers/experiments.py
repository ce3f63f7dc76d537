# SPDX-License-Identifier: Apache-2.0
"""How each row of the table is measured. One experiment may fill several rows.

An experiment is a function of (bench, model) that yields, round by round, {row id: (base, ours)}.
Within a round both sides run one after the other, and the next round turns the order around.
"""
import contextlib
import os
import tempfile

import gguf_facts
import proc
import table

MIB = float(1 << 20)
PREFILL, DECODE, DEPTH = 512, 64, 4096


class Bench:
    """The two sides and what they agreed on. `ours` or `peer` is None when only one is measured."""

    def __init__(self, peer, ours, rounds, seed):
        self.peer, self.ours, self.rounds, self.seed = peer, ours, rounds, seed

    def alternate(self, ask, both=True):
        """ask(side, round) for both sides in each round, in turn first: yields (peer's, ours)."""
        for i in range(self.rounds):
            said = {}
            sides = [side for side in (self.peer if both else None, self.ours) if side]
            for side in sides if i % 2 == 0 else reversed(sides):
                said[side.name] = ask(side, i)
            yield said.get("llama.cpp"), said.get("omnesia")


def pair(peer, ours, key):
    return peer and peer.get(key), ours and ours.get(key)


def warm(path):
    """Read the file once, so that no side pays for the disk."""
    with open(path, "rb", buffering=0) as f:
        while f.read(1 << 24):
            pass


def speed(bench, model, rows, prompt=PREFILL, gen=DECODE, depth=0, loops=0, numerics=None):
    """Prefill and decode in tokens/s; `rows` names the row each of them fills."""
    if bench.ours:  # pack outside the measurement
        bench.ours.bench(model, 1, 1, 0, bench.seed, numerics)
    with proc.busy(loops) if loops else contextlib.nullcontext():
        for peer, ours in bench.alternate(
                lambda side, i: side.bench(model, prompt, gen, depth, bench.seed + i, numerics)):
            yield {row: pair(peer, ours, key) for key, row in rows.items()}


def quiet(bench, model):
    for peer, ours in bench.alternate(
            lambda side, i: side.bench(model, PREFILL, DECODE, 0, bench.seed + i)):
        share = ours and ours["waiting"]
        yield {"prefill": pair(peer, ours, "prefill"), "decode": pair(peer, ours, "decode"),
               "waiting": (100.0, None if share is None else 100.0 * share)}


def requantised(bench, model):
    return speed(bench, model, {"prefill": "prefill-requantised", "decode": "decode-requantised"})


def deep(bench, model):
    return speed(bench, model, {"prefill": "prefill-4096", "decode": "decode-4096"}, depth=DEPTH)


def deep_decode(bench, model):
    return speed(bench, model, {"decode": "decode-4096"}, prompt=0, depth=DEPTH)


def deep_bf16(bench, model):
    if "avx512_bf16" not in proc.machine()["flags"]:
        raise proc.Missing("this CPU has no AVX512_BF16")
    return speed(bench, model, {"prefill": "prefill-4096-bf16"}, gen=0, depth=DEPTH,
                 numerics="bf16")


def shared(bench, model):
    return speed(bench, model, {"prefill": "prefill-busy", "decode": "decode-busy"}, loops=2)


def first_byte(bench, model):
    text = bench.peer.prompt(model)
    if bench.ours:
        bench.ours.first(model, text)  # pack
    for peer, ours in bench.alternate(lambda side, i: side.first(model, text)):
        yield {"first-byte": (peer and peer.first_byte_ms, ours and ours.first_byte_ms),
               "rss": (peer and peer.peak_rss / MIB, ours and ours.peak_rss / MIB)}


def first_byte_cold(bench, model):
    text = bench.peer.prompt(model)

    def ask(side, _):
        if side is bench.ours:
            side.forget()
        return side.first(model, text).first_byte_ms
    for peer, ours in bench.alternate(ask):
        yield {"first-byte-cold": (peer, ours)}


def elsewhere(bench, model):
    """A long prompt that another process of ours, which has ended, computed."""
    short, text = bench.peer.prompt(model), bench.peer.long_prompt(model, DEPTH)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as at:
        region = f"{at}/region"
        if bench.ours:
            bench.ours.first(model, text, region)
            step = 1e3 / bench.ours.bench(model, 0, DECODE, DEPTH, bench.seed)["decode"]
        for peer, ours in bench.alternate(
                lambda side, i: side.first(model, text, region) if side is bench.ours
                else side.first(model, text, "-c", 2 * DEPTH)):
            own = bench.ours and bench.ours.first(model, short).first_byte_ms + 3 * step
            yield {"share": (peer and peer.first_byte_ms, ours and ours.first_byte_ms),
                   "share-own": (own, ours and ours.first_byte_ms)}


def slots(bench, model):
    """The same prompt, computed by a process that has ended: llama-server starts, restores the slot
    it saved, and says a token; ours starts and finds it in the region."""
    text = bench.peer.long_prompt(model, DEPTH)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as at:
        bench.peer.save_slot(model, text, at)
        region = f"{at}/region"
        if bench.ours:
            bench.ours.first(model, text, region)
        for peer, ours in bench.alternate(
                lambda side, i: side.first(model, text, region).first_byte_ms
                if side is bench.ours else side.restore_slot(model, text, at)):
            yield {"slots": (peer, ours)}


def memory(bench, model):
    """What a running process of ours holds, frozen at the first byte of its answer. KV counts as
    the rows of the prompt and one token, in f16: what is held beyond them is our own doing."""
    text = bench.peer.prompt(model)
    facts = gguf_facts.read(model)
    allowed = 24 + 64 * facts.n_vocab / MIB
    kv = (bench.peer.count(model, text) + 1) * facts.kv_bytes_per_token
    bench.ours.forget()
    bench.ours.first(model, text)
    packed = bench.ours.packed_bytes()
    for _ in range(bench.rounds):
        with bench.ours.held(model, text) as one:
            alone, private = proc.pss(one), proc.private(one)
            with bench.ours.held(model, text) as two:
                both = proc.pss(one) + proc.pss(two)
        yield {"private": (allowed, (private - kv) / MIB), "pss": (alone / MIB, both / MIB),
               "packed": (facts.packed_tensors / MIB, packed / MIB if packed else None)}


# What fills which rows for which models, in the order of the table. The last column says whether
# the peer has a part in it.
EXPERIMENTS = (
    (quiet, ("prefill", "decode", "waiting"), table.MODELS, True),
    (requantised, ("prefill-requantised", "decode-requantised"), table.REQUANTISED, True),
    (deep, ("prefill-4096", "decode-4096"), (table.SMOL,), True),
    (deep_decode, ("decode-4096",), (table.QWEN05, table.QWEN15), True),
    (deep_bf16, ("prefill-4096-bf16",), (table.SMOL,), True),
    (shared, ("prefill-busy", "decode-busy"), (table.SMOL, table.QWEN05), True),
    (first_byte, ("first-byte", "rss"), table.MODELS, True),
    (first_byte_cold, ("first-byte-cold",), table.MODELS, True),
    (elsewhere, ("share", "share-own"), (table.SMOL,), True),
    (slots, ("slots",), (table.SMOL,), True),
    (memory, ("private", "packed", "pss"), table.MODELS, False),
)


def measure(bench, rows, models, path_of, say):
    """Run every experiment that fills one of `rows` for one of `models`; yields Results.

    path_of(model) gives a file, say(text) tells what goes on. A side that fails makes its rows
    say why, and the rest goes on.
    """
    for run, fills, its_models, with_peer in EXPERIMENTS:
        wanted = [row for row in fills if row in rows]
        for model in its_models:
            if not wanted or model not in models or not (with_peer or bench.ours):
                continue
            say(f"{', '.join(wanted)}: {model}")
            results = {row: table.Result(row, model) for row in wanted}
            try:
                path = path_of(model)
                warm(path)
                for said in run(bench, path):
                    for row in wanted:
                        results[row].pairs.append(said[row])
            except (proc.Failed, OSError) as e:
                how = "skipped" if isinstance(e, proc.Missing) else "failed"
                for result in results.values():
                    result.pairs, result.problem = [], f"{how}: {e}"
            yield from results.values()
