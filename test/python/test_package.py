#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/python/test_package.py SOURCE BUILD - the Python package on a small random model and a
region of its own: what it gives, what it refuses, and what threads may do to it at once."""
import gc
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

SOURCE, BUILD = Path(sys.argv[1]), Path(sys.argv[2])
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "python"))
os.environ["OMNESIA_LIBRARY"] = str(BUILD / "src" / "libomnesia.so")

import omnesia  # noqa: E402

TINY = str(SOURCE / "test/model/data/tiny-llama.gguf")
SAME = {"max_tokens": 12, "temp": 0.0, "raw": True, "ignore_eos": True}


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def region(self, **options):
        region = omnesia.Region(self.folder + "/region", memory=64 << 20, disk=None, **options)
        self.addCleanup(region.close)
        return region


class ModelTest(Folder):
    def setUp(self):
        super().setUp()
        self.model = omnesia.Model(TINY)
        self.addCleanup(self.model.close)

    def test_info(self):
        info = self.model.info
        self.assertEqual((info.architecture, info.n_vocab, info.n_context, info.embedding),
                         ("llama", 284, 256, False))

    def test_tokens(self):
        text = "grüße, 世界 \0 end"
        ids = self.model.encode(text)
        self.assertEqual(self.model.decode(ids).decode(), text)
        self.assertEqual(self.model.encode(""), [])
        self.assertEqual(self.model.decode([]), b"")
        self.assertEqual(self.model.decode(self.model.encode(b"\xff\xfe")), b"\xff\xfe")
        for wrong in (-1, 2**31, 284):
            with self.assertRaises(omnesia.InvalidError):
                self.model.decode([wrong])

    def test_run_and_stream(self):
        whole = self.model.run("hello", **SAME)
        self.assertEqual((whole.tokens, whole.finish), (12, "length"))
        self.assertEqual(str(whole), whole.text)
        with self.model.stream("hello", **SAME) as stream:
            pieces = list(stream)
        self.assertGreater(len(pieces), 1)
        self.assertEqual("".join(pieces), whole.text)
        self.assertEqual(stream.answer.text, whole.text)
        self.assertEqual(list(stream), [])
        heard = []
        self.model.run("hello", on_text=heard.append, **SAME)
        self.assertEqual(heard, pieces)

    def test_options_arrive(self):
        base = self.model.run("hello", **SAME).text
        self.assertNotEqual(self.model.run("hello", **{**SAME, "bias": {ord(base[0]): -1e9}}).text,
                            base)
        self.assertEqual(self.model.run("hello", stop=[base[2:4]], **SAME).finish, "stop")
        self.assertEqual(self.model.run("hello", stop=base[2:4], **SAME).finish, "stop")
        seeded = {**SAME, "temp": 2.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
        a, b, c = (self.model.run("hello", seed=seed, **seeded).text for seed in (1, 1, 2))
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)
        long = self.model.run("x" * 60, **{**SAME, "context": 64, "max_tokens": 0})
        self.assertEqual((long.finish, long.full_context), ("length", 64))

    def test_logprobs(self):
        answer = self.model.run("hello", logprobs=3, **SAME)
        self.assertEqual(len(answer.token), 12)
        self.assertEqual(self.model.decode([t.id for t in answer.token]).decode(errors="replace"),
                         answer.text)
        for token in answer.token:
            self.assertEqual(len(token.top), 3)
            self.assertEqual(token.top[0], (token.id, token.logprob))  # it is greedy
            self.assertTrue(-10 < token.top[2][1] <= token.top[1][1] <= token.logprob < 0)
        self.assertEqual(self.model.run("hello", **SAME).token, ())
        self.assertEqual(self.model.run("hello", logprobs=0, **SAME).token[0].top, ())

    def test_conversations(self):
        plain = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "yes"},
                 {"role": "user", "content": "why"}]
        parts = [*plain[:2], {"role": "user", "content": [{"type": "text", "text": "why"}]}]
        more = {**SAME, "raw": False}
        one = self.model.run(plain, **more)
        self.assertGreater(one.prompt_tokens, self.model.run("why", **more).prompt_tokens)
        self.assertEqual(self.model.run(parts, **{**more, "system": None}).text,
                         self.model.run(plain, **{**more, "system": None}).text)
        chat = self.model.chat(**more)
        chat.ask("hello")
        with chat.stream("why") as stream:
            streamed = "".join(stream)
        self.assertEqual([turn["role"] for turn in chat.turns], ["user", "assistant"] * 2)
        self.assertEqual(chat.turns[3]["content"], streamed)
        with self.assertRaises(omnesia.InvalidError):
            chat.ask("a\0")
        self.assertEqual(len(chat.turns), 4)

    def test_refused(self):
        for options, error in (({"temp": "hot"}, omnesia.InvalidError),
                               ({"top_k": 1.5}, omnesia.InvalidError),
                               ({"max_tokens": 2**40}, omnesia.InvalidError),
                               ({"kv": "f32"}, omnesia.InvalidError),
                               ({"logprobs": 21}, omnesia.InvalidError),
                               ({"stop": ["a\0b"]}, omnesia.InvalidError),
                               ({"nonsense": 1}, TypeError)):
            with self.assertRaises(error):
                self.model.run("hello", **options)
            with self.assertRaises(error):  # at once, not from the thread
                self.model.stream("hello", **options)
        with self.assertRaisesRegex(omnesia.InvalidError, "NUL character at 1"):
            self.model.run("a\0")
        with self.assertRaisesRegex(omnesia.InvalidError, "surrogate"):
            self.model.run("\ud800")
        with self.assertRaisesRegex(omnesia.InvalidError, "give it a turn"):
            self.model.run([])
        with self.assertRaisesRegex(omnesia.TooLongError, "context"):
            self.model.run("x" * 300, raw=True)
        stream = self.model.stream("x" * 300, raw=True)
        with self.assertRaises(omnesia.TooLongError):
            list(stream)
        with self.assertRaisesRegex(omnesia.NotFoundError, "nosuch"):
            omnesia.Model("nosuch", pull=False)
        with self.assertRaises(omnesia.Error):
            omnesia.Model("/etc/passwd")

    def test_callbacks_raise(self):
        def fails(_piece):
            raise KeyError("mine")

        with self.assertRaisesRegex(KeyError, "mine"):
            self.model.run("hello", on_text=fails, **SAME)
        with self.assertRaisesRegex(ZeroDivisionError, "division"):
            self.model.run("hello " * 30, progress=lambda *_: 1 // 0, **SAME)
        stopped = self.model.run("other " * 30, progress=lambda *_: True, **SAME)
        self.assertEqual((stopped.finish, stopped.text), ("cancelled", ""))
        seen = []
        stopped = self.model.run("hello", on_text=lambda t: seen.append(t) or len(seen) == 3,
                                 **SAME)
        self.assertEqual((stopped.finish, stopped.text), ("cancelled", "".join(seen)))

    def test_streams_end(self):
        threads = threading.active_count()
        with self.model.stream("hello", **{**SAME, "max_tokens": 0}) as stream:
            first = next(stream)
        self.assertEqual(list(stream), [])
        self.assertTrue(stream.answer.text.startswith(first))
        forgotten = self.model.stream("hello", **{**SAME, "max_tokens": 0})
        next(forgotten)
        del forgotten
        gc.collect()
        for _ in range(1200):
            if threading.active_count() == threads:
                break
            time.sleep(0.05)
        self.assertEqual(threading.active_count(), threads)

    def test_stream_stops_its_answer(self):
        ended = threading.Event()

        def endless(take, report):
            while not take("piece"):
                time.sleep(0.001)
            self.assertTrue(report("reading", 1, 2))
            ended.set()
            return self.model.run("hello", **SAME)

        with omnesia.Stream(endless) as stream:
            self.assertEqual(next(stream), "piece")
        self.assertTrue(ended.is_set())

    def test_close(self):
        streams = [self.model.stream("hello", **SAME) for _ in range(4)]
        time.sleep(0.01)
        self.model.close()  # the answers go on
        self.assertTrue(self.model.closed)
        with self.assertRaisesRegex(omnesia.InvalidError, "the model is closed"):
            self.model.run("hello")
        for stream in streams:
            try:
                self.assertEqual(stream.answer.tokens, 12)
            except omnesia.InvalidError as error:  # it had not begun
                self.assertRegex(str(error), "the model is closed")
        self.model.close()

    def test_threads(self):
        alone = {p: self.model.run(p, **SAME).text for p in ("hello", "other", "third")}
        wrong = []

        def ask(prompt):
            for _ in range(5):
                if self.model.run(prompt, **SAME).text != alone[prompt]:
                    wrong.append(prompt)
                    raise AssertionError(prompt)

        threads = [threading.Thread(target=ask, args=(p,)) for p in alone for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_region(self):
        region = self.region()
        with omnesia.Model(TINY, region=region) as one:
            text = one.run("x" * 200, **SAME).text
        with omnesia.Model(TINY, region=region) as other:
            region.close()  # the model holds it
            again = other.run("x" * 200, **SAME)
        self.assertEqual(again.text, text)
        self.assertGreater(again.cached_tokens, 100)
        self.assertEqual(again.cached_from, "process")

    def test_interrupt(self):
        script = ("import sys, omnesia, time\n"
                  "m = omnesia.Model(sys.argv[1])\n"
                  "def text(piece):\n"
                  "    sys.stdout.write('.'); sys.stdout.flush(); time.sleep(0.05)\n"
                  "try:\n"
                  "    m.run('hello', raw=True, ignore_eos=True, on_text=text)\n"
                  "except KeyboardInterrupt:\n"
                  "    print('interrupted')\n")
        child = subprocess.Popen([sys.executable, "-c", script, TINY], stdout=subprocess.PIPE,
                                 env={**os.environ, "PYTHONPATH": str(SOURCE / "python")})
        self.assertEqual(child.stdout.read(1), b".")
        child.send_signal(signal.SIGINT)
        rest = child.communicate(timeout=60)[0]
        self.assertTrue(rest.endswith(b"interrupted\n"), rest)
        self.assertLess(len(rest), 150)


class EmbedTest(unittest.TestCase):
    def golden(self):
        """(text, its vector) of the reference, test/model/data/tiny-bert.vectors."""
        data = (SOURCE / "test/model/data/tiny-bert.vectors").read_bytes()
        width, count = struct.unpack_from("<4xII", data)
        at = 12
        for _ in range(count):
            size, = struct.unpack_from("<I", data, at)
            text = data[at + 4:at + 4 + size]
            ids, = struct.unpack_from("<I", data, at + 4 + size)
            at += 8 + size + 4 * ids
            yield text.decode(), struct.unpack_from(f"<{width}f", data, at)
            at += 4 * width

    def test_embed(self):
        known = list(self.golden())
        self.assertGreaterEqual(len(known), 10)
        bert = str(SOURCE / "test/model/data/tiny-bert/model.safetensors")
        with omnesia.Model(bert) as model:
            self.assertTrue(model.info.embedding)
            vectors = model.embed_all([text for text, _ in known])
            self.assertEqual(model.embed(known[3][0]), vectors[3])
            self.assertEqual(model.embed_all([]), [])
            for (text, expected), vector in zip(known, vectors):
                self.assertEqual(len(vector), model.info.n_embd)
                apart = max(abs(a - b) for a, b in zip(vector, expected))
                self.assertLess(apart, 2e-3, text)
            with self.assertRaises(omnesia.CancelledError):
                model.embed_all(["one"] * 1000, progress=lambda *_: True)
            with self.assertRaises(ZeroDivisionError):
                model.embed_all(["one"] * 1000, progress=lambda *_: 1 // 0)
            with self.assertRaises(TypeError):
                model.embed_all("one")
            with self.assertRaises(omnesia.TooLongError):
                model.embed("one " * 5000)
            with self.assertRaises(omnesia.Error):
                model.run("hello")
            threads = [threading.Thread(target=model.embed, args=("one two",)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        with omnesia.Model(TINY) as model, self.assertRaises(omnesia.Error):
            model.embed("hello")


class RegionTest(Folder):
    def test_values(self):
        region = self.region()
        self.assertEqual(region.put("a/b", "text"), 1)
        self.assertEqual(region.put("a/b", bytes(100000), ttl=60, if_version=1), 2)
        found = region.get("a/b")
        self.assertEqual((found.key, found.version, found.value), ("a/b", 2, bytes(100000)))
        self.assertTrue(50 < found.ttl <= 60)
        with self.assertRaisesRegex(omnesia.ConflictError, "version"):
            region.put("a/b", b"", if_version=1)
        with self.assertRaises(omnesia.ConflictError):
            region.put("a/b", b"", if_version=0)
        region.put("a/c", b"")
        region.put("b", b"\0\0")
        self.assertEqual([o.key for o in region.list("a/")], ["a/b", "a/c"])
        self.assertEqual(region.get("b").value, b"\0\0")
        region.delete("b")
        with self.assertRaises(omnesia.NotFoundError):
            region.get("b")
        with self.assertRaises(LookupError):
            region.delete("b")
        with self.assertRaises(omnesia.InvalidError):
            region.put("b\0c", b"")
        with self.assertRaises(omnesia.InvalidError):
            region.put("b", b"", ttl=0)
        with self.assertRaises(omnesia.Error):
            region.put("", b"")
        with self.assertRaises(omnesia.TooLongError):
            region.put("b", bytes(omnesia._abi.VALUE_MAX + 1))
        self.assertEqual(region.info.path, self.folder + "/region")
        self.assertTrue(region.info.made)

    def test_commit(self):
        region, edit = self.region(), omnesia.Edit
        first = region.commit(edit.put("a", "one"), edit.put("b", b"two", if_version=0))
        self.assertEqual([region.get(k).version for k in "ab"], first)
        with self.assertRaisesRegex(omnesia.ConflictError, "'b' has version"):
            region.commit(edit.delete("a"), edit.check("b", 0))
        self.assertEqual(region.get("a").value, b"one")
        again = region.commit(edit.delete("a", if_version=first[0]), edit.check("b", first[1]),
                              edit.put("c", b""), edit.delete("never"))
        self.assertEqual(again[:2] + again[3:], [0, first[1], 0])
        self.assertEqual([o.key for o in region.list()], ["b", "c"])
        region.put("kept", b"x", durable=True)
        for wrong in ((), (edit.put("a", b""), edit.delete("a")), (edit.put("kept", b"y"),)):
            with self.assertRaises(omnesia.InvalidError):
                region.commit(*wrong)

    def test_logs(self):
        region = self.region()
        self.assertEqual([region.log_append("log", f"record {i}") for i in range(5)],
                         [0, 1, 2, 3, 4])
        self.assertEqual([(r.number, r.value) for r in region.log_read("log", 3)],
                         [(3, b"record 3"), (4, b"record 4")])
        self.assertEqual(list(region.log_read("log", 5)), [])
        self.assertEqual(list(region.log_read("nosuch")), [])
        region.log_append("log", b"last", keep=2)
        self.assertEqual([r.number for r in region.log_read("log")], [4, 5])
        self.assertEqual(region.list("log")[0].records, 2)

    def test_watch(self):
        region = self.region()
        region.put("w/old", b"0")
        with region.watch("w/", timeout=0.1) as new, \
                region.watch("w/", existing=True, timeout=0.1) as everything, \
                region.watch("w/a", exact=True, timeout=0.1) as one:
            region.put("w/a", b"1\0")
            region.put("w/ab", b"2")
            region.put("other", b"3")
            region.log_append("w/log", b"4")
            region.delete("w/old")
            told = [(c.kind, c.key, c.value) for c in new]
            self.assertEqual(sorted(told), [("appended", "w/log", b"4"), ("deleted", "w/old", b""),
                                            ("put", "w/a", b"1\0"), ("put", "w/ab", b"2")])
            self.assertIn("w/old", [c.key for c in everything])
            self.assertEqual([c.key for c in one], ["w/a"])
        self.assertIsNone(new.wait())

    def test_watch_wakes(self):
        region = self.region()
        with region.watch("k") as watch:
            threading.Timer(0.2, lambda: region.put("k", b"v")).start()
            self.assertEqual(next(watch).value, b"v")
            threading.Timer(0.2, watch.close).start()
            start = time.monotonic()
            self.assertEqual(list(watch), [])
            self.assertLess(time.monotonic() - start, 60)

    def test_other_process(self):
        region = self.region()
        script = ("import sys, omnesia\n"
                  "with omnesia.Region(sys.argv[1]) as r, r.watch('to', existing=True) as w:\n"
                  "    r.put('from', b'got ' + next(w).value)\n")
        with region.watch("from") as watch:
            region.put("to", b"me")
            subprocess.run([sys.executable, "-c", script, self.folder + "/region"], check=True,
                           env={**os.environ, "PYTHONPATH": str(SOURCE / "python")}, timeout=60)
            self.assertEqual(watch.wait(10).value, b"got me")

    def test_closed(self):
        region = self.region()
        watch = region.watch("")
        region.close()  # the watch holds it
        self.assertIsNone(watch.wait(0.01))
        self.assertIn(self.folder, Path("/proc/self/maps").read_text())
        watch.close()
        self.assertNotIn(self.folder, Path("/proc/self/maps").read_text())
        for call in (lambda: region.get("a"), lambda: region.info, lambda: region.watch("")):
            with self.assertRaisesRegex(omnesia.InvalidError, "the region is closed"):
                call()
        with self.assertRaises(omnesia.Error):
            omnesia.Region(self.folder + "/no/such")


class StoreTest(unittest.TestCase):
    def test_models(self):
        known = {entry.name: entry for entry in omnesia.models()}
        self.assertIn("smollm2-135m", known)
        self.assertTrue(known["minilm-l6"].embedding)
        with self.assertRaisesRegex(omnesia.NotFoundError, "smollm2-135m"):
            omnesia.pull("nosuch")

    def test_memory_limit(self):
        script = ("import sys, omnesia\n"
                  "omnesia.memory_limit(100000)\n"
                  "try: omnesia.Model(sys.argv[1])\n"
                  "except omnesia.FullError as error: print(error)\n")
        said = subprocess.run([sys.executable, "-c", script, TINY], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(SOURCE / "python")}, timeout=60)
        self.assertIn("100 kB", said.stdout, said)

    def test_library(self):
        for library, words in (("/no/such.so", "no/such.so"), ("libc.so.6", "not libomnesia")):
            said = subprocess.run([sys.executable, "-c", "import omnesia"], capture_output=True,
                                  text=True, timeout=60,
                                  env={**os.environ, "PYTHONPATH": str(SOURCE / "python"),
                                       "OMNESIA_LIBRARY": library})
            self.assertRegex(said.stderr, f"ImportError: omnesia: .*{words}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
