#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_batch.py - `omnesia batch` on a tiny random model: OpenAI's lines in the order of
the requests, the answers of one request at a time, and a death at any moment that costs nothing
that was answered. Standard library only.
"""
import json
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["OMNESIA_PROGRAM"]
TINY = os.environ["OMNESIA_SOURCE"] + "/test/model/data/tiny-llama.gguf"


def request(name, body, url="/v1/completions"):
    return {"custom_id": name, "method": "POST", "url": url, "body": body}


def some(n, seed=1, tokens=24):
    """Requests of a few groups whose prompts begin alike, shuffled."""
    r = random.Random(seed)
    lines = []
    for i in range(n):
        shared = "group %d says this and that; " % (i % 5) * 6
        lines.append(request("line %d" % i, {
            "prompt": shared + str(r.random()), "temperature": 0,
            "max_tokens": 1 + r.randrange(tokens), "ignore_eos": True}))
    r.shuffle(lines)
    return lines


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="mn-batch-")
        self.into, self.out = self.folder.name + "/in.jsonl", self.folder.name + "/out.jsonl"

    def tearDown(self):
        self.folder.cleanup()

    def write(self, lines):
        with open(self.into, "w") as f:
            for line in lines:
                f.write((line if isinstance(line, str) else json.dumps(line)) + "\n")

    def start(self, *words, region=None):
        command = [PROGRAM, "batch", "-m", TINY, "-t", "2", "--ctx", "512", "--region",
                   region or self.folder.name + "/region", "--disk", "none", *words]
        return subprocess.Popen([*command, self.into, self.out], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def run_it(self, *words, status=0, region=None):
        p = self.start(*words, region=region)
        out, said = p.communicate(timeout=120)
        self.assertEqual(p.returncode, status, said)
        self.assertEqual(out, "")
        return said

    def read(self, path=None):
        with open(path or self.out) as f:
            return [json.loads(line) for line in f]

    def part(self):
        """Whole lines of OUT.part; what a death has torn is none."""
        lines = []
        if os.path.exists(self.out + ".part"):
            with open(self.out + ".part") as f:
                for line in f:
                    if line.endswith("}\n"):
                        lines.append(json.loads(line))
        return lines


def texts(lines):
    return [c["text"] for x in lines for c in x["response"]["body"]["choices"]]


class Batch(Folder):
    def test_answers_come_in_order_and_are_those_of_one_at_a_time(self):
        lines = some(60)
        self.write(lines)
        said = self.run_it()
        self.assertIn("60 lines answered", said)
        out = self.read()
        self.assertEqual([x["custom_id"] for x in out], [x["custom_id"] for x in lines])
        for x, asked in zip(out, lines):
            self.assertEqual(sorted(x), ["custom_id", "error", "id", "response"])
            self.assertIsNone(x["error"])
            self.assertEqual(x["response"]["status_code"], 200)
            self.assertTrue(x["response"]["request_id"])
            body = x["response"]["body"]
            self.assertEqual(body["object"], "text_completion")
            self.assertEqual(body["usage"]["completion_tokens"], asked["body"]["max_tokens"])
        self.assertEqual(len({x["id"] for x in out}), 60)
        self.assertFalse(os.path.exists(self.out + ".part"))
        together = texts(out)
        os.unlink(self.out)
        self.run_it("--slots", "1", "--order", "fcfs", region="none")
        self.assertEqual(texts(self.read()), together)
        self.assertGreater(len(set(together)), 10)

    def test_beginnings_that_are_shared_are_read_once(self):
        lines = some(60)
        self.write(lines)
        self.run_it()
        usage = [x["response"]["body"]["usage"] for x in self.read()]
        read = sum(u["prompt_tokens"] - u["prompt_tokens_details"]["cached_tokens"] for u in usage)
        self.assertLess(read, 0.5 * sum(u["prompt_tokens"] for u in usage))

    def test_a_conversation_tools_and_n_mean_what_they_mean_over_http(self):
        ask = {"messages": [{"role": "system", "content": "Be brief."},
                            {"role": "user", "content": [{"type": "text", "text": "Hello."}]}],
               "max_tokens": 6, "temperature": 0, "ignore_eos": True, "n": 2, "stream": True}
        self.write([request("chat", ask, "/v1/chat/completions")])
        self.run_it()
        body = self.read()[0]["response"]["body"]
        self.assertEqual(body["object"], "chat.completion")
        self.assertEqual([c["index"] for c in body["choices"]], [0, 1])
        self.assertEqual(body["choices"][0]["message"]["role"], "assistant")

    def test_a_bad_line_costs_itself_alone(self):
        good = {"prompt": "a", "max_tokens": 2}
        self.write([request("a", good), "{broken", "", "[1]", request("", good), request("a", good),
                    request("m", good) | {"method": "GET"}, request("u", good, "/v1/nothing"),
                    request("b", 3), request("t", {"prompt": "a", "temperature": "warm"}),
                    request("l", {"prompt": "word " * 2000}), request("z", good),
                    request("\u00fc \"quoted\" \\ \u2603", good)])
        said = self.run_it()
        self.assertIn("12 lines answered, 9 of them with an error", said)
        out = self.read()
        self.assertEqual([x["custom_id"] for x in out],
                         ["a", None, None, None, "a", "m", "u", "b", "t", "l", "z",
                          "\u00fc \"quoted\" \\ \u2603"])
        self.assertEqual([x["error"] and x["error"]["code"] for x in out],
                         [None, "invalid_request", "invalid_request", "invalid_request",
                          "duplicate_custom_id", "invalid_request", "invalid_url",
                          "invalid_request", None, None, None, None])
        self.assertIn("line 2:", out[1]["error"]["message"])
        self.assertEqual(out[8]["response"]["status_code"], 400)
        self.assertEqual(out[8]["response"]["body"]["error"]["param"], "temperature")
        self.assertEqual(out[9]["response"]["body"]["error"]["code"], "context_length_exceeded")
        self.assertEqual(out[10]["response"]["status_code"], 200)

    def test_what_cannot_be_is_said_in_one_sentence(self):
        self.write([])
        self.assertIn("is empty", self.run_it(status=1))
        self.write([request("a", {"prompt": "a", "max_tokens": 1})])
        out, self.out = self.out, self.into
        self.assertIn("is the batch itself", self.run_it(status=1))
        self.out = self.folder.name + "/in.jsonl/out"
        self.assertEqual(len(self.run_it(status=1).splitlines()), 1)
        self.out, self.into = out, self.folder.name + "/nothing"
        self.assertIn("nothing", self.run_it(status=1))
        self.assertFalse(os.path.exists(self.out))


class Deaths(Folder):
    def test_a_killed_batch_goes_on_and_repeats_nothing(self):
        lines = some(400, tokens=80)
        self.write(lines)
        whole = some(400, tokens=80)
        kept, deaths = {}, 0
        r = random.Random(7)
        while deaths < 20:
            p = self.start()
            before = len(kept)
            more = r.randrange(16)  # let it answer something, then let it die at any moment
            while p.poll() is None and len(self.part()) <= before + more:
                time.sleep(r.random() * 0.004)
            p.kill()
            p.communicate()
            if p.returncode == 0 or os.path.exists(self.out):  # killed on its way out
                break
            deaths += 1
            for x in self.part():
                old = kept.setdefault(x["custom_id"], x)
                self.assertEqual(old, x)  # neither lost nor answered again
            names = [x["custom_id"] for x in self.part()]
            self.assertEqual(len(names), len(set(names)))
            self.assertGreaterEqual(len(names), before)
        self.assertGreater(deaths, 1)
        self.run_it()
        out = self.read()
        self.assertEqual([x["custom_id"] for x in out], [x["custom_id"] for x in lines])
        for x in out:
            if x["custom_id"] in kept:
                self.assertEqual(x, kept[x["custom_id"]])
        self.assertEqual(len(whole), len(out))

    def test_ctrl_c_says_how_to_go_on(self):
        self.write(some(400, tokens=200))
        p = self.start()
        while p.poll() is None and len(self.part()) < 3:
            time.sleep(0.01)
        p.send_signal(signal.SIGINT)
        _, said = p.communicate(timeout=60)
        self.assertEqual(p.returncode, 130, said)
        self.assertIn("the same command goes on", said)
        self.assertFalse(os.path.exists(self.out))
        self.assertGreaterEqual(len(self.part()), 3)

    def test_a_torn_line_is_answered_again(self):
        lines = some(10)
        self.write(lines)
        self.run_it()
        with open(self.out) as f:
            done = f.read().splitlines(True)
        os.unlink(self.out)
        with open(self.out + ".part", "w") as f:
            f.write(done[3] + done[7] + "{\"id\": 1}\nnonsense\n" + done[5][:80])
        self.assertIn("10 lines answered, 2 of them before", self.run_it())
        with open(self.out) as f:
            again = f.read().splitlines(True)
        self.assertEqual((again[3], again[7]), (done[3], done[7]))
        self.assertEqual(texts(map(json.loads, again)), texts(map(json.loads, done)))

    def test_an_answer_with_a_zero_character_is_kept(self):
        self.write(some(3))
        self.run_it()
        first = self.read()
        os.unlink(self.out)
        first[1]["response"]["body"]["choices"][0]["text"] = "a\0b"
        with open(self.out + ".part", "w") as f:
            f.write(json.dumps(first[1]) + "\n")
        self.assertIn("3 lines answered, 1 of them before", self.run_it())
        self.assertEqual(texts(self.read())[1], "a\0b")

    def test_what_was_changed_is_answered_again_and_refusals_are_tried_again(self):
        lines = some(6) + [request("late", {"prompt": "x", "temperature": "warm"})]
        self.write(lines)
        self.run_it()
        first = self.read()
        lines[2]["body"]["max_tokens"] = 3
        lines[6]["body"]["temperature"] = 0
        self.write(lines)
        self.assertIn("7 lines answered, 5 of them before", self.run_it())
        second = self.read()
        self.assertEqual([a == b for a, b in zip(first, second)],
                         [True, True, False, True, True, True, False])
        self.assertEqual(second[6]["response"]["status_code"], 200)
        self.assertIn("0 tokens read", self.run_it())
        self.assertIn("7 lines answered, in", self.run_it("--top-k", "3"))  # other defaults

    def test_two_at_work_on_one_file(self):
        self.write(some(300, tokens=200))
        p = self.start()
        while p.poll() is None and not self.part():
            time.sleep(0.01)
        p.send_signal(signal.SIGSTOP)  # it is not done before the other one has come
        self.assertIn("another process is at work on", self.run_it(status=1))
        p.kill()
        p.communicate()


if __name__ == "__main__":
    unittest.main()
