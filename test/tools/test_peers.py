#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/tools/test_peers.py - the measuring stick of tools/peers, tried on programs of known speed.

Small scripts stand in for both sides here, and only here: they answer with figures that the test
chose, so that ratios, verdicts, memory readings and the written table can be checked exactly.
"""
import io
import json
import os
import struct
import sys
import tempfile
import time
import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path
from unittest import mock

PEERS = Path(__file__).resolve().parents[2] / "tools" / "peers"
sys.dont_write_bytecode = True
sys.path.insert(0, str(PEERS))

import experiments  # noqa: E402
import gguf_facts  # noqa: E402
import perplexity  # noqa: E402
import proc  # noqa: E402
import sides  # noqa: E402
import table  # noqa: E402

run = SourceFileLoader("peers_run", str(PEERS / "run")).load_module()

LLAMA_BENCH = """#!/bin/sh
echo '[{"n_prompt": 512, "n_gen": 0, "avg_ts": 100.0}, {"n_prompt": 0, "n_gen": 64, "avg_ts": 10}]'
"""
LLAMA_COMPLETION = "#!/bin/sh\nsleep 0.05\nprintf x\n"
LLAMA_TOKENIZE = """#!/bin/sh
for a; do case "$last" in -p) set -- $a; printf '[0'; while [ $# -gt 1 ]; do printf ', 0'; shift
done; echo ']';; esac; last=$a; done
"""
LLAMA_QUANTIZE = "#!/bin/sh\ncp \"$2\" \"$3\"\necho ran >>\"$2.log\"\n"
LLAMA_PERPLEXITY = """#!/bin/sh
for a; do [ "$last" = --save-all-logits ] && echo saved >"$a"; last=$a; done
case "$*" in
*--kl-divergence-base*) printf 'Mean    KLD:   0.000700 +- 0.1\nSame top p: 99.100 +- 0.2 %%\n' ;;
*) echo 'Final estimate: PPL = 20.0000 +/- 0.5' >&2 ;;
esac
"""
OMNESIA = """#!/bin/sh
mkdir -p "$OMNESIA_CACHE"
[ -e "$OMNESIA_CACHE/weights" ] || { sleep 0.3; head -c 2048 /dev/zero >"$OMNESIA_CACHE/weights"; }
case $1 in
pull) echo 'terms' >&2; echo "$FAKE_MODEL" ;;
run) printf x; case "$*" in *'-n 64'*) exec sleep 20 ;; esac ;;
perplexity) case "$*" in
    *--kl-base*) printf 'mean KL: %s\ntop-1 equal: 99.0 %%\nperplexity: 20.04\n' "$FAKE_KL" ;;
    *) echo "perplexity: ${FAKE_PERPLEXITY:-20.04}" ;; esac ;;
bench) case "$*" in *--numerics*) echo 'no such option --numerics' >&2; exit 2 ;; esac
    echo 'some words'; echo '{"prefill_tps": 500.0, "decode_tps": 12.0, "wait_share": 0.04}' ;;
esac
"""


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def gguf_string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def tiny_gguf(path, tied):
    """Two matrices (and an output matrix unless tied) and one vector, 10 words of vocabulary."""
    pairs = [("general.architecture", 8, gguf_string("toy")),
             ("toy.block_count", 4, struct.pack("<I", 2)),
             ("toy.embedding_length", 4, struct.pack("<I", 64)),
             ("toy.attention.head_count", 4, struct.pack("<I", 4)),
             ("toy.attention.head_count_kv", 4, struct.pack("<I", 2)),
             ("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 10) + gguf_string("w") * 10),
             ("toy.scores", 9, struct.pack("<IQ3f", 6, 3, 1, 2, 3))]
    tensors = [("token_embd.weight", (64, 10), 2560), ("blk.0.ffn.weight", (64, 64), 4096),
               ("norm.weight", (64,), 256)] + ([] if tied else [("output.weight", (64, 10), 2560)])
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    head += b"".join(gguf_string(k) + struct.pack("<I", kind) + v for k, kind, v in pairs)
    offset = 0
    for name, shape, size in tensors:
        head += gguf_string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset)
        offset += size
    path.write_bytes(head + b"\0" * (-len(head) % 32) + b"\0" * offset)


class Stage(unittest.TestCase):
    """A folder with both sides, a model, and a place for caches."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.at = Path(folder.name)
        for name, text in (("llama-bench", LLAMA_BENCH), ("llama-completion", LLAMA_COMPLETION),
                           ("llama-tokenize", LLAMA_TOKENIZE), ("llama-quantize", LLAMA_QUANTIZE),
                           ("llama-perplexity", LLAMA_PERPLEXITY), ("omnesia", OMNESIA)):
            script(self.at / name, text)
        self.model = self.at / "model.gguf"
        tiny_gguf(self.model, tied=True)
        patch = mock.patch.dict(os.environ, {
            "PEERS_DIR": str(self.at / "peers"), "FAKE_MODEL": str(self.model), "FAKE_KL": "9e-4"})
        patch.start()
        self.addCleanup(patch.stop)
        self.peer = sides.Peer(self.at, 2)
        self.ours = sides.Ours(self.at / "omnesia", 2)

    def measure(self, rows, models=(table.SMOL,), rounds=3, ours=True):
        bench = experiments.Bench(self.peer, self.ours if ours else None, rounds, 1)
        return {(r.row, r.model): r for r in experiments.measure(
            bench, rows, models, lambda model: self.model, lambda text: None)}

    def call(self, *words):
        """The program itself: (exit status, standard output)."""
        out = io.StringIO()
        with mock.patch("sys.stdout", out), mock.patch("sys.stderr", io.StringIO()):
            status = run.main([*map(str, words), "--peer", str(self.at), "--omnesia",
                               str(self.at / "omnesia"), "--state", str(self.at / "state.json")])
        return status, out.getvalue()


class Experiments(Stage):
    def test_speed_pairs_both_sides_in_each_round(self):
        got = self.measure(["prefill", "decode", "waiting"])
        self.assertEqual(got["prefill", table.SMOL].pairs, [(100.0, 500.0)] * 3)
        self.assertEqual(got["decode", table.SMOL].ratio(), 1.2)
        self.assertEqual(got["waiting", table.SMOL].pairs, [(100.0, 4.0)] * 3)

    def test_a_row_without_our_side_has_no_ratio(self):
        got = self.measure(["prefill", "private"], ours=False)
        self.assertEqual(list(got), [("prefill", table.SMOL)])
        self.assertIsNone(got["prefill", table.SMOL].ratio())
        self.assertEqual(got["prefill", table.SMOL].side(0), 100.0)

    def test_a_failing_side_says_why_and_the_rest_goes_on(self):
        with mock.patch("proc.machine", lambda: {"flags": ["avx512_bf16"]}):
            got = self.measure(["prefill-4096-bf16", "first-byte"])
        self.assertIn("ended with 2: no such option", got["prefill-4096-bf16", table.SMOL].problem)
        self.assertEqual(len(got["first-byte", table.SMOL].pairs), 3)

    def test_what_this_machine_lacks_is_skipped_and_no_failure(self):
        with mock.patch("proc.machine", lambda: {"flags": []}):
            got = self.measure(["prefill-4096-bf16"])
        self.assertEqual(got["prefill-4096-bf16", table.SMOL].problem,
                         "skipped: this CPU has no AVX512_BF16")

    def test_first_byte_without_the_cache_packs_each_time(self):
        got = self.measure(["first-byte", "first-byte-cold"], rounds=2)
        warm, cold = got["first-byte", table.SMOL], got["first-byte-cold", table.SMOL]
        self.assertTrue(all(peer >= 50 for peer, _ in warm.pairs + cold.pairs))
        self.assertTrue(all(ours >= 300 for _, ours in cold.pairs))
        self.assertLess(warm.side(1), cold.side(1))

    def test_memory_of_frozen_processes(self):
        got = self.measure(["private", "packed", "pss"], rounds=1)
        base, ours = got["packed", table.SMOL].pairs[0]
        self.assertAlmostEqual(base * experiments.MIB, 2560 + 4096)
        self.assertAlmostEqual(ours * experiments.MIB, 2048)
        self.assertAlmostEqual(got["private", table.SMOL].pairs[0][0], 24 + 640 / experiments.MIB)
        alone, both = got["pss", table.SMOL].pairs[0]
        self.assertGreater(both, alone)
        self.assertGreater(alone, 0)

    def test_requantised_models_are_made_once(self):
        for _ in range(2):
            path = self.peer.requantise(self.model, "Q4_0")
        self.assertEqual(path.read_bytes(), self.model.read_bytes())
        self.assertEqual(Path(f"{self.model}.log").read_text(), "ran\n")
        self.assertEqual([p.name for p in path.parent.iterdir()], ["model.Q4_0.gguf"])

    def test_the_prompt_has_sixteen_tokens(self):
        self.assertEqual(len(self.peer.prompt(self.model).split()), 16)


class Processes(unittest.TestCase):
    def test_first_byte_and_failure(self):
        done = proc.run(["sh", "-c", "sleep 0.1; printf ab; sleep 2"])
        self.assertEqual(done.text, "ab")
        self.assertTrue(100 <= done.first_byte_ms < done.wall_s * 1e3 - 90)
        with self.assertRaisesRegex(proc.Failed, "sh ended with 3: no luck"):
            proc.run(["sh", "-c", "echo no luck >&2; exit 3"])
        with self.assertRaisesRegex(proc.Failed, "cannot be started"):
            proc.run(["/nowhere/program"])

    def test_peak_and_private_memory(self):
        hold = "x = b'a' * (64 << 20); print(1, flush=True); import time; time.sleep(600)"
        grown = "x = b'a' * (64 << 20); print(1)"
        self.assertGreater(proc.run([sys.executable, "-c", grown]).peak_rss, 64 << 20)
        with proc.held([sys.executable, "-c", hold]) as pid:
            self.assertTrue((64 << 20) < proc.private(pid) < (90 << 20))
            self.assertGreaterEqual(proc.pss(pid), proc.private(pid))
        self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def test_clean_pages_of_a_file_are_not_private(self):
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"a" * (32 << 20))
            f.flush()
            code = (f"import mmap, time; f = open({f.name!r})\n"
                    "m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)\n"
                    "n = sum(m[i] for i in range(0, len(m), 4096)); print(1, flush=True)\n"
                    "time.sleep(600)")
            os.fsync(f.fileno())
            with proc.held([sys.executable, "-c", code]) as pid:
                self.assertLess(proc.private(pid), 24 << 20)

    def test_held_refuses_silence_and_early_ends(self):
        with self.assertRaisesRegex(proc.Failed, "wrote nothing: why"):
            with proc.held(["sh", "-c", "echo why >&2"]):
                self.fail("must not be entered")

    def test_busy_loops_end_with_their_block(self):
        def spun():
            return os.times().children_user
        before = spun()
        with proc.busy(1):
            time.sleep(0.3)
        self.assertGreater(spun() - before, 0.01)

    def test_machine_facts(self):
        facts = proc.machine()
        self.assertGreaterEqual(facts["cores"], 1)
        self.assertGreater(facts["ram_gib"], 0)


class Facts(unittest.TestCase):
    def test_tied_and_untied(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "toy.gguf"
            tiny_gguf(path, tied=True)
            self.assertEqual(gguf_facts.read(path), gguf_facts.Facts("toy", 10, 2 * 4 * 32, 6656))
            tiny_gguf(path, tied=False)
            self.assertEqual(gguf_facts.read(path).packed_tensors, 4096 + 2560)
            path.write_bytes(b"GGML")
            with self.assertRaises(ValueError):
                gguf_facts.read(path)


class Judging(unittest.TestCase):
    def test_bars(self):
        least, most = table.least(2.0), table.most(0.5)
        self.assertEqual(table.judge(least, 2.0, [2.0, 2.1]), "pass")
        self.assertEqual(table.judge(least, 1.9, [1.8, 1.95]), "below")
        self.assertEqual(table.judge(least, 2.1, [1.9, 2.2]), "pass (the spread crosses the bar)")
        self.assertEqual(table.judge(most, 0.4, [0.3, 0.45]), "pass")
        self.assertEqual(table.judge(most, 0.6, [0.55, 0.7]), "below")
        spread = table.Bar(1.0, spread=True)
        self.assertEqual(table.judge(spread, 0.98, [0.9, 1.1]), "pass (equal within the spread)")
        self.assertEqual(table.judge(spread, 0.9, [0.85, 0.95]), "below")

    def test_ratio_of_medians_and_mean(self):
        results = [table.Result("decode-4096", m, [(10, 20), (10, 30), (10, 1000)])
                   for m in (table.SMOL, table.QWEN05, table.QWEN15)]
        self.assertEqual(results[0].ratio(), 3.0)
        row = next(r for r in table.ROWS if r.id == "decode-4096")
        ratio, each = table.mean_of(row, results)
        self.assertAlmostEqual(ratio, 3.0)
        self.assertEqual([round(q, 9) for q in each], [2.0, 3.0, 100.0])
        self.assertIsNone(table.mean_of(row, results[:2]))
        self.assertEqual(len(table.lines(results)), 4)

    def test_every_row_can_be_measured_and_every_bar_of_a_model_is_used(self):
        filled = {(row, model) for _, rows, models, _ in experiments.EXPERIMENTS
                  for row in rows for model in models}
        for row in table.ROWS:
            for model in row.models:
                self.assertIn((row.id, model), filled)
            self.assertLessEqual(set(row.special), set(row.models))


class Program(Stage):
    def test_text_json_state_and_markdown(self):
        chosen = ("--model", f"{table.SMOL}={self.model}", "--rounds", 2)
        status, text = self.call(*chosen, "--row", "prefill")
        self.assertEqual(status, 0)
        self.assertRegex(text, r"smollm2-135m +100\.0 -> +500\.0 tok/s +ratio +5 .*>= 4\.5 +pass")
        status, text = self.call(*chosen, "--row", "decode", "--json", "--strict")
        self.assertEqual(status, 1)  # 1.2 is below 2.5
        self.assertEqual(json.loads(text)["rows"][0]["verdict"], "below")
        doc = self.at / "SPEED.md"
        doc.write_text("before\n<!-- peers:begin -->\nold\n<!-- peers:end -->\nafter\n")
        self.assertEqual(self.call("--no-measure", "--write", doc)[0], 0)
        written = doc.read_text()
        self.assertTrue(written.startswith("before\n") and written.endswith("after\n"))
        self.assertNotIn("old", written)
        self.assertEqual(written.count(f"| {table.SMOL} |"), 2)  # both goes are in it
        doc.write_text("no markers")
        with self.assertRaisesRegex(ValueError, "has no <!-- peers:begin -->"):
            self.call("--no-measure", "--write", doc)

    def test_models_come_from_pull(self):
        status, text = self.call("--model", table.GEMMA, "--row", "decode", "--rounds", 1)
        self.assertEqual(status, 0)
        self.assertRegex(text, r"gemma3-270m +10\.0 -> +12\.0 .* less the spread +pass")

    def test_refusals(self):
        unmeasured = ("--no-measure", "--write", self.at / "omnesia")
        for words, why in ((("--model", "gpt-9"), "unknown model gpt-9"),
                           (unmeasured, "nothing was measured")):
            with self.assertRaisesRegex(proc.Failed, why):
                self.call(*words)
        with self.assertRaises(SystemExit):
            self.call("--rounds", 0)


class Perplexity(Stage):
    def ask(self, *words):
        out = io.StringIO()
        with mock.patch("sys.stdout", out), mock.patch.object(sides, "build_peer",
                                                              lambda variant="": self.at):
            status = perplexity.main([*words, "--omnesia", str(self.at / "omnesia"), "--file",
                                      str(self.model), "--json"])
        return status, json.loads(out.getvalue())

    def test_models_formats_and_builds(self):
        status, rows = self.ask("--model", table.SMOL, "--format", "Q4_0", "--format", "Q6_K",
                                "--builds", "--truth")
        self.assertEqual(status, 0)
        self.assertEqual([row["model"] for row in rows],
                         [table.SMOL, f"{table.SMOL}:Q4_0", f"{table.SMOL}:Q6_K"])
        self.assertEqual(rows[0], {"model": table.SMOL, "llama": 20.0, "ours": 20.04, "kl": 9e-4,
                                   "top": 0.99, "kl_builds": 7e-4, "top_builds": 0.991,
                                   "truth": 20.0, "kl_truth": 9e-4, "top_truth": 0.99,
                                   "kl_truth_llama": 7e-4, "top_truth_llama": 0.991})
        self.assertFalse((sides.peers_dir() / "logits.kl").exists())

    def test_verdicts(self):
        row = {"llama": 20.0, "ours": 20.09, "kl": 9e-4, "top": 0.99}
        self.assertEqual(perplexity.verdict(row), "pass")
        self.assertEqual(perplexity.verdict({**row, "kl": 1.3e-3}), "below: KL")
        self.assertEqual(perplexity.verdict({**row, "kl": 1.3e-3, "kl_builds": 7e-4}), "pass")
        self.assertEqual(perplexity.verdict({**row, "ours": 20.11, "top": 0.98}),
                         "below: perplexity, likeliest token")

    def test_failures_and_peer_only(self):
        with mock.patch.dict(os.environ, {"FAKE_PERPLEXITY": "none"}):
            status, rows = self.ask("--model", table.GEMMA)
        self.assertEqual(status, 1)
        self.assertIn("failed: no perplexity in the output", rows[0]["problem"])
        status, rows = self.ask("--model", f"{table.GEMMA}={self.model}", "--peer-only")
        self.assertEqual((status, rows), (0, [{"model": table.GEMMA, "llama": 20.0}]))
        with mock.patch.dict(os.environ, {"FAKE_KL": "0.5"}):
            self.assertEqual(self.ask("--model", table.GEMMA)[0], 1)

    def test_written_table(self):
        doc = self.at / "SPEED.md"
        doc.write_text("a\n<!-- perplexity:begin -->\n<!-- perplexity:end -->\nb\n")
        self.ask("--model", table.GEMMA, "--write", str(doc))
        self.assertIn("| gemma3-270m | 20.0000 | 20.0400 | +0.200 % | 9.00e-04 | 99.00 % "
                      "| - | - | - | - | - | pass |", doc.read_text())

    def test_the_corpus_is_long_enough_and_written_once(self):
        path = perplexity.corpus()
        self.assertGreater(path.stat().st_size, 200_000)  # 17 windows of 512, some 5 bytes a token
        self.assertEqual(perplexity.corpus(), path)


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=0).result
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"[  PASSED  ] {outcome.testsRun - bad} test(s).")
    if bad:
        print(f"[  FAILED  ] {bad} test(s), listed above.")
    sys.exit(bool(bad))
