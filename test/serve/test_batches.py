#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_batches.py - /v1/files and /v1/batches of `omnesia serve`, on a tiny model.

Answers are those of requests over HTTP, counts are true while a batch runs, each tenant sees its
own things alone, what is no batch is refused with its lines, and neither the end of a server nor
its death loses an answer. Standard library only.
"""
import json
import os
import signal
import stat
import tempfile
import time
import unittest

from server import Server, good_fields

LIVE = ("validating", "in_progress", "finalizing", "cancelling")


def request(name, url="/v1/completions", **body):
    body = {"prompt": f"It says {name}.", "temperature": 0, "max_tokens": 4, **body}
    return {"custom_id": name, "method": "POST", "url": url, "body": body}


def jsonl(lines):
    return b"".join((x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in lines)


class Client:
    """What a test does with one server, in the name of one key."""

    def __init__(self, server, key=None):
        self.s, self.headers = server, {"x-api-key": key} if key else {}

    def ask(self, method, path, body=None):
        return self.s.ask(method, path, body, headers=self.headers)

    def get(self, path):
        return self.ask("GET", path)

    def upload(self, lines, **more):
        data = lines if isinstance(lines, bytes) else jsonl(lines)
        return self.s.upload(data, headers=self.headers, **more)

    def create(self, file, endpoint="/v1/completions", **more):
        return self.ask("POST", "/v1/batches", {
            "input_file_id": file, "endpoint": endpoint, "completion_window": "24h", **more})

    def batch(self, lines, endpoint="/v1/completions", **more):
        return self.create(self.upload(lines).json["id"], endpoint, **more).json["id"]

    def state(self, batch):
        return self.get("/v1/batches/" + batch).json

    def wait(self, batch, until=lambda b: b["status"] not in LIVE, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            b = self.state(batch)
            if until(b):
                return b
            time.sleep(0.01)
        raise AssertionError(f"after {seconds} s: {b}")

    def content(self, file):
        return [json.loads(x) for x in self.get(f"/v1/files/{file}/content").body.splitlines()]


class Batches(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = Server("--ctx", "512", "--body-limit", "64K").start()
        cls.c = Client(cls.s)

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)

    def test_answers_are_those_of_requests_over_http(self):
        lines = [request(f"line {i}") for i in range(30)]
        b = self.c.wait(self.c.batch(lines, metadata={"whose": "mine"}))
        self.assertEqual((b["status"], b["request_counts"], b["metadata"], b["error_file_id"]),
                         ("completed", {"total": 30, "completed": 30, "failed": 0},
                          {"whose": "mine"}, None))
        for one, then in zip(("created_at", "in_progress_at", "finalizing_at"),
                             ("in_progress_at", "finalizing_at", "completed_at")):
            self.assertLessEqual(b[one], b[then])
        out = self.c.content(b["output_file_id"])
        self.assertEqual([x["custom_id"] for x in out], [x["custom_id"] for x in lines])
        for x, asked in zip(out, lines):
            self.assertEqual((sorted(x), x["error"], x["response"]["status_code"]),
                             (["custom_id", "error", "id", "response"], None, 200))
            over_http = self.s.post(asked["url"], asked["body"]).json["choices"]
            self.assertEqual(x["response"]["body"]["choices"], over_http)
        self.assertEqual(len({x["id"] for x in out}), 30)

    def test_every_endpoint_and_no_other(self):
        bodies = {"/v1/chat/completions": {"messages": good_fields(self.s)["messages"]},
                  "/v1/completions": {"prompt": "a"}, "/v1/responses": {"input": "a"}}
        for url, body in bodies.items():
            line = {"custom_id": "a", "method": "POST", "url": url, "body": body}
            line["body"]["max_output_tokens" if "resp" in url else "max_tokens"] = 2
            b = self.c.wait(self.c.batch([line], url))
            self.assertEqual(b["request_counts"]["completed"], 1, b)
        for url in ("/v1/messages", "/v1/batches", "/tokenize", "", "/v1/completions/"):
            r = self.c.create(self.c.upload([request("a")]).json["id"], url)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, "endpoint"))

    def test_a_wrong_body_is_a_line_of_the_error_file(self):
        lines = [request("a"), request("warm", temperature="warm"),
                 request("long", prompt="w " * 900), request("b")]
        b = self.c.wait(self.c.batch(lines))
        self.assertEqual((b["status"], b["request_counts"]),
                         ("completed", {"total": 4, "completed": 2, "failed": 2}))
        self.assertEqual([x["custom_id"] for x in self.c.content(b["output_file_id"])], ["a", "b"])
        errors = self.c.content(b["error_file_id"])
        self.assertEqual([x["custom_id"] for x in errors], ["warm", "long"])
        self.assertEqual([x["response"]["status_code"] for x in errors], [400, 400])
        self.assertEqual(errors[0]["response"]["body"]["error"]["param"], "temperature")
        only = self.c.wait(self.c.batch([request("warm", temperature="warm")]))
        self.assertEqual((only["status"], only["output_file_id"]), ("completed", None))

    def refused(self, lines, endpoint="/v1/completions"):
        """The errors of a batch that fails before anything is asked."""
        before = sum(self.s.get("/api/state").json["loop"][k] for k in ("ended", "running"))
        b = self.c.wait(self.c.batch(lines, endpoint))
        self.assertEqual((b["status"], b["output_file_id"], b["error_file_id"]),
                         ("failed", None, None))
        after = sum(self.s.get("/api/state").json["loop"][k] for k in ("ended", "running"))
        self.assertEqual(before, after)
        self.assertTrue(b["failed_at"])
        return b["errors"]["data"]

    def test_lines_that_are_no_requests_fail_it_before_anything_is_asked(self):
        good = request("a")
        deep, many = b"[" * 60000, b'{"a":[' + b"1," * 30000 + b"1]}"
        bad = [b"{broken", b"[1]", {**good, "custom_id": ""}, request("g") | {"method": "GET"},
               request("u", "/v1/chat/completions"), {**request("b"), "body": 3}, good,
               b'{"custom_id":"l\xe9"}', b'{"custom_id": "z\\u0000z"}', b"\x00\x01\x02", deep, many,
               request("large", prompt="x" * 70000)]
        errors = self.refused([good, *bad])
        self.assertEqual([e["line"] for e in errors], list(range(2, len(bad) + 2)))
        self.assertEqual([e["code"] for e in errors], ["invalid_request"] * 4 + ["invalid_url"] +
                         ["invalid_request"] + ["duplicate_custom_id"] + ["invalid_request"] * 6)
        self.assertIn("65536", errors[-1]["message"])
        self.assertEqual(len(self.refused([b"{"] * 500)), 100)

    def test_empty_and_endless_ones(self):
        for data in (b"", b"\n\n \r\n"):
            self.assertIn("empty", self.refused(data)[0]["message"])
        line = jsonl([request("x", prompt="p")])
        errors = self.refused(line * 100001)
        self.assertIn("100000", errors[0]["message"])
        self.assertIsNone(errors[0]["line"])

    def test_counts_are_true_while_it_runs(self):
        id = self.c.batch([request(f"l{i}", max_tokens=80, ignore_eos=True) for i in range(240)] +
                          [request("bad", top_p=7)])
        seen, last = set(), 0
        while True:
            b = self.c.state(id)
            counts = b["request_counts"]
            self.assertGreaterEqual(counts["completed"], last)
            self.assertLessEqual(counts["completed"] + counts["failed"], 241)
            last = counts["completed"]
            seen.add(last)
            if b["status"] not in LIVE:
                break
            self.assertIsNone(b["output_file_id"])
        self.assertGreater(len(seen), 10)
        self.assertEqual(counts, {"total": 241, "completed": 240, "failed": 1})

    def test_lists_come_in_pages_newest_first(self):
        ids = [self.c.batch([request("a")]) for _ in range(5)]
        got, after = [], ""
        while True:
            page = self.c.get("/v1/batches?limit=2" + after).json
            got += [b["id"] for b in page["data"]]
            self.assertEqual((page["first_id"], page["last_id"]),
                             (got[-len(page["data"])], got[-1]))
            if not page["has_more"]:
                break
            after = "&after=" + got[-1]
        self.assertEqual(got[:5], ids[::-1])
        self.assertEqual(len(got), len(set(got)))
        files = self.c.get("/v1/files?purpose=batch&limit=3&order=asc").json
        self.assertEqual({f["purpose"] for f in files["data"]}, {"batch"})
        times = [f["created_at"] for f in files["data"]]
        self.assertEqual(times, sorted(times))
        for query in ("limit=0", "limit=101", "limit=x", "limit=", "order=up", "after=batch_none",
                      "after=" + "%41" * 99, "limit=99999999999999999999"):
            r = self.c.get("/v1/batches?" + query)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, query.split("=")[0]))
        for id in ids:
            self.c.wait(id)

    def test_a_batch_is_cancelled_with_what_it_has(self):
        id = self.c.batch([request(f"l{i}", max_tokens=300, ignore_eos=True) for i in range(400)])
        self.c.wait(id, lambda b: b["request_counts"]["completed"] > 3)
        r = self.c.ask("POST", f"/v1/batches/{id}/cancel")
        self.assertEqual((r.status, r.json["status"]), (200, "cancelling"))
        b = self.c.wait(id)
        self.assertEqual(b["status"], "cancelled")
        self.assertTrue(b["cancelling_at"] <= b["cancelled_at"])
        n = b["request_counts"]["completed"]
        self.assertLess(n, 400)
        self.assertEqual(len(self.c.content(b["output_file_id"])), n)
        self.assertIsNone(b["error_file_id"])
        self.s.wait_idle()
        r = self.c.ask("POST", f"/v1/batches/{id}/cancel")
        self.assertEqual((r.status, r.json["error"]["code"]), (409, "batch_has_ended"))

    def test_a_file_in_use_stays_and_others_go(self):
        f = self.c.upload([request(f"l{i}", max_tokens=300, ignore_eos=True) for i in range(100)])
        f = f.json["id"]
        id = self.c.create(f).json["id"]
        r = self.c.ask("DELETE", "/v1/files/" + f)
        self.assertEqual((r.status, r.json["error"]["code"]), (409, "file_in_use"))
        self.c.ask("POST", f"/v1/batches/{id}/cancel")
        b = self.c.wait(id)
        for file in [x for x in (f, b["output_file_id"]) if x]:
            r = self.c.ask("DELETE", "/v1/files/" + file)
            self.assertEqual(r.json, {"id": file, "object": "file", "deleted": True})
            for path in (f"/v1/files/{file}", f"/v1/files/{file}/content"):
                self.assertEqual(self.c.get(path).status, 404)
            self.assertEqual(self.c.ask("DELETE", "/v1/files/" + file).status, 404)
            self.assertFalse([x for x in os.listdir(self.s.folder + "/data/files") if file in x])
        self.assertEqual(self.c.create(f).status, 404)

    def test_what_comes_back_is_what_was_left(self):
        for data in (b"", b"x", bytes(range(256)) * 5000, b"\r\n--=_\r\n--=_b\r\n" * 9):
            f = self.c.upload(data, name="n\u00e4me \u2603.jsonl").json
            self.assertEqual((f["bytes"], f["filename"], f["purpose"], f["status"]),
                             (len(data), "n\u00e4me \u2603.jsonl", "batch", "processed"))
            r = self.c.get(f"/v1/files/{f['id']}/content")
            self.assertEqual((r.status, r.body), (200, data))
            self.assertEqual(self.c.ask("HEAD", f"/v1/files/{f['id']}/content")
                             .headers["content-length"], str(len(data)))

    def test_names_of_clients_are_no_paths(self):
        f = None
        for name in ("../../evil", "/etc/passwd", "..", "a/b", "\\\\x", "%2e%2e%2fevil", "x" * 255):
            f = self.c.upload([request("a")], name=name)
            self.assertEqual(f.status, 200, name)
        r = self.c.upload([request("a")], name="x" * 256)
        self.assertEqual(r.json["error"]["param"], "file")
        folder = self.s.folder + "/data/files"
        for name in os.listdir(folder):
            self.assertRegex(name, r"^(lock|batch_\w{24}\.json|file-\w{24}(\.json|\.part)?)$")
            self.assertEqual(stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode), 0o600, name)
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        f, b = f.json["id"], self.c.batch([request("a")])
        for path in (f"files/{f}/", f"files/{f}/x", f"files/{f}/content/", f"files/{f}/content/x",
                     f"files/{f}%20", f"batches/{b}/", f"batches/{b}/x", f"files/{b}"):
            self.assertEqual(self.c.get("/v1/" + path).status, 404, path)
        self.c.wait(b)
        for id in ("..", "../lock", "%2e%2e/lock", "lock", "file-" + "0" * 24, "file-", "a" * 9000):
            for path in (f"/v1/files/{id}", f"/v1/files/{id}/content", f"/v1/batches/{id}"):
                self.assertEqual(self.c.get(path).status, 404, path)

    def test_forms_that_are_none(self):
        head = b"--b\r\nContent-Disposition: form-data; "
        good = head + b'name="purpose"\r\n\r\nbatch\r\n' + \
            head + b'name="file"; filename="a"\r\n\r\n{}\r\n--b--\r\n'
        kind = "multipart/form-data; boundary=b"

        def post(body, kind=kind):
            return self.s.post("/v1/files", body, headers={"Content-Type": kind})
        self.assertEqual(post(good).status, 200)
        for i in list(range(len(good) - 4)):
            self.assertEqual(post(good[:i]).status, 400, good[:i])
        for other in ("application/json", "multipart/form-data", "multipart/form-data; boundary=",
                      "multipart/form-data; boundary=" + "b" * 71, "text/plain; boundary=b", None,
                      "multipart/form-data; boundary=c", 'multipart/form-data; boundary="b'):
            self.assertEqual(post(good, other).status, 400, other)
        for old, new, says in ((b'"purpose"', b'"porpoise"', "purpose is missing"),
                               (b"batch\r", b"fine-tune\r", "purpose must be batch"),
                               (b"batch\r", b"\xff\r", "not UTF-8"),
                               (b'; filename="a"', b"", "file is missing"),
                               (b'"purpose"', b'"file"', "two parts named file"),
                               (b"Content-Disposition: form-data", b"X: y", "no Content-"),
                               (b'filename="a"', b'filename="a', "quote without end")):
            r = post(good.replace(old, new))
            self.assertEqual(r.status, 400, (old, new))
            self.assertIn(says, r.json["error"]["message"])
        many = good.replace(b"--b--", b"".join(
            b'--b\r\nContent-Disposition: form-data; name="n%d"\r\n\r\n\r\n' % i
            for i in range(20)) + b"--b--")
        self.assertIn("more than 16 parts", post(many).json["error"]["message"])

    def test_an_upload_is_bounded_and_other_requests_less(self):
        head = self.s.head("POST", "/v1/files", {"Content-Type": "multipart/form-data; boundary=b"},
                           (64 << 20) + 1)
        self.assertEqual(self.s.raw(head).status, 413)
        self.assertEqual(self.c.upload(b"x" * (1 << 20)).status, 200)
        self.assertEqual(self.s.chat("x" * 70000).status, 413)

    def test_metadata_is_bounded(self):
        f = self.c.upload([request("a")]).json["id"]
        for bad in ({"a": 1}, {str(i): "" for i in range(17)}, {"x" * 65: ""}, {"x": "y" * 2049}):
            r = self.c.create(f, metadata=bad)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, "metadata"))
        self.assertEqual(self.c.create(f, completion_window="1h").json["error"]["param"],
                         "completion_window")

    def test_many_batches_wait_for_each_other_and_there_is_a_last(self):
        f = self.c.upload([request("a", max_tokens=400, ignore_eos=True)] +
                          [request(f"l{i}", max_tokens=400, ignore_eos=True) for i in range(99)])
        made, r = [], None
        while len(made) < 100:
            r = self.c.create(f.json["id"])
            if r.status != 200:
                break
            made.append(r.json["id"])
        self.assertEqual((r.status, r.json["error"]["code"]), (429, "too_many_batches"))
        self.assertIn("retry-after", r.headers)
        self.assertTrue(60 < len(made) <= 70, len(made))
        states = [b["status"] for b in self.c.get("/v1/batches?limit=100").json["data"]]
        self.assertLessEqual(sum(x in ("in_progress", "finalizing") for x in states), 1)
        for b in made:
            self.c.ask("POST", f"/v1/batches/{b}/cancel")
        self.assertEqual({self.c.wait(b)["status"] for b in made} - {"completed"}, {"cancelled"})

    def test_other_methods(self):
        for path, allow in (("/v1/files", "GET, HEAD, POST, OPTIONS"),
                            ("/v1/files/x", "GET, HEAD, DELETE, OPTIONS"),
                            ("/v1/batches/x/cancel", "POST, OPTIONS"),
                            ("/v1/batches", "GET, HEAD, POST, OPTIONS")):
            r = self.c.ask("PUT", path)
            self.assertEqual((r.status, r.headers["allow"]), (405, allow), path)


class Tenants(unittest.TestCase):
    KEYS = {"anna": "key-of-anna-1", "ben": "key-of-ben-22"}

    def test_each_key_sees_its_own_and_both_run_at_once(self):
        with tempfile.NamedTemporaryFile("w", suffix=".keys") as keys:
            keys.write("".join(f"{n}:{k}\n" for n, k in self.KEYS.items()))
            keys.flush()
            with Server("--ctx", "512", "--key-file", keys.name) as s:
                anna, ben = (Client(s, k) for k in self.KEYS.values())
                lines = [request(f"l{i}", max_tokens=200, ignore_eos=True) for i in range(300)]
                a, b = anna.batch(lines), ben.batch(lines)
                both = lambda x: x["request_counts"]["completed"] > 2
                anna.wait(a, both)
                ben.wait(b, both)
                self.assertEqual(anna.state(a)["status"], "in_progress")
                of_anna = anna.state(a)["input_file_id"]
                self.assertEqual(ben.create(of_anna).status, 404)
                for path in (f"/v1/batches/{a}", f"/v1/files/{of_anna}",
                             f"/v1/files/{of_anna}/content"):
                    self.assertEqual((ben.get(path).status, anna.get(path).status), (404, 200))
                self.assertEqual(ben.ask("DELETE", "/v1/files/" + of_anna).status, 404)
                self.assertEqual(ben.ask("POST", f"/v1/batches/{a}/cancel").status, 404)
                self.assertEqual([x["id"] for x in ben.get("/v1/batches").json["data"]], [b])
                self.assertEqual(len(ben.get("/v1/files").json["data"]), 1)
                owners = {j["owner"] for j in anna.s.get("/api/state", headers=anna.headers)
                          .json["jobs"]}
                self.assertEqual(owners, set(self.KEYS))
                for c, id in ((anna, a), (ben, b)):
                    c.ask("POST", f"/v1/batches/{id}/cancel")
                    out = c.wait(id)["output_file_id"]
                    self.assertEqual(c.get("/v1/files/" + out).status, 200)
                    other = ben if c is anna else anna
                    self.assertEqual(other.get("/v1/files/" + out).status, 404)
                said = "\n".join(s.lines)
                self.assertNotIn("It says", said)
                self.assertIn('"path":"/v1/completions","status":200', said)


class Ends(unittest.TestCase):
    def setUp(self):
        self.files = tempfile.TemporaryDirectory(prefix="omnesia-files-")

    def tearDown(self):
        self.files.cleanup()

    def server(self):
        return Server("--ctx", "512", "--files", self.files.name)

    def start_one(self, s, n=150):
        c = Client(s)
        lines = [request(f"l{i}", max_tokens=120, ignore_eos=True) for i in range(n)]
        id = c.batch(lines, metadata={"kept": "yes"})
        b = c.wait(id, lambda b: b["request_counts"]["completed"] >= 20)
        return id, lines, b

    def part(self):
        """What is on the disk: {custom_id: line}."""
        for name in os.listdir(self.files.name):
            if name.endswith(".part"):
                with open(f"{self.files.name}/{name}", "rb") as f:
                    return {json.loads(x)["custom_id"]: json.loads(x)
                            for x in f.read().split(b"\n") if x.endswith(b"}")}
        return {}

    def check_end(self, id, lines, kept):
        with self.server() as s:
            c = Client(s)
            self.assertGreaterEqual(c.wait(id, lambda b: b["request_counts"]["completed"])
                                    ["request_counts"]["completed"], len(kept))
            b = c.wait(id)
            self.assertEqual((b["status"], b["metadata"]), ("completed", {"kept": "yes"}))
            out = c.content(b["output_file_id"])
            self.assertEqual([x["custom_id"] for x in out], [x["custom_id"] for x in lines])
            for x in out:
                self.assertEqual(x, kept.get(x["custom_id"], x))

    def test_a_batch_goes_on_where_the_server_ended(self):
        with self.server() as s:
            id, lines, b = self.start_one(s)
            self.assertEqual(s.stop(), 0)
        kept = self.part()
        self.assertLess(len(kept), len(lines))
        self.assertGreaterEqual(len(kept), b["request_counts"]["completed"])
        self.check_end(id, lines, kept)

    def test_a_batch_goes_on_where_the_server_was_killed(self):
        s = self.server().start()
        id, lines, b = self.start_one(s)
        s.process.send_signal(signal.SIGKILL)
        s.process.wait(60)
        kept = self.part()
        self.assertGreaterEqual(len(kept), b["request_counts"]["completed"])
        for name in ("file-" + "a" * 24, "file-" + "b" * 24 + ".part", "file-" + "c" * 24 + ".json",
                     "batch_" + "d" * 24 + ".json", "other"):
            with open(f"{self.files.name}/{name}", "w") as f:
                f.write('{"tenant": 3}')
        self.check_end(id, lines, kept)
        left = os.listdir(self.files.name)
        self.assertNotIn("file-" + "a" * 24, left)
        self.assertNotIn("file-" + "b" * 24 + ".part", left)
        self.assertIn("other", left)

    def edit(self, id, **more):
        path = f"{self.files.name}/{id}.json"
        with open(path) as f:
            record = json.load(f)
        with open(path, "w") as f:
            json.dump({**record, **more}, f)

    def test_a_batch_expires_and_says_which_lines(self):
        with self.server() as s:
            id, lines, b = self.start_one(s)
        kept = self.part()
        self.edit(id, expires_at=int(time.time()) - 1)
        with self.server() as s:
            c = Client(s)
            b = c.wait(id)
            self.assertEqual(b["status"], "expired")
            self.assertTrue(b["expired_at"])
            out, errors = c.content(b["output_file_id"]), c.content(b["error_file_id"])
            self.assertEqual({x["custom_id"]: x for x in out}, kept)
            self.assertEqual({x["error"]["code"] for x in errors}, {"batch_expired"})
            self.assertEqual(len(out) + len(errors), len(lines))
            self.assertEqual(b["request_counts"]["completed"], len(out))

    def test_one_that_was_to_be_cancelled_is(self):
        with self.server() as s:
            id, lines, b = self.start_one(s)
        self.edit(id, status="cancelling")
        with self.server() as s:
            b = Client(s).wait(id)
            self.assertEqual(b["status"], "cancelled")
            self.assertEqual(len(Client(s).content(b["output_file_id"])),
                             b["request_counts"]["completed"])

    def test_two_servers_and_none(self):
        with self.server() as s, self.server() as other, Server("--files", "none") as none:
            self.assertEqual(Client(s).upload([request("a")]).status, 200)
            r = Client(other).upload([request("a")])
            self.assertEqual((r.status, r.json["error"]["code"]), (503, "files_unavailable"))
            self.assertIn("--files FOLDER", r.json["error"]["message"])
            self.assertEqual(Client(none).get("/v1/batches").status, 404)
            self.assertEqual(other.chat().status, 200)
            s.stop()
            self.assertEqual(len(Client(other).get("/v1/files").json["data"]), 1)

    def test_a_disk_that_fails_is_told_without_its_paths(self):
        with self.server() as s:
            c = Client(s)
            self.assertEqual(c.upload([request("a")]).status, 200)
            os.rename(self.files.name, self.files.name + ".gone")
            with open(self.files.name, "w"):
                pass
            r = c.upload([request("b")])
            self.assertEqual((r.status, r.json["error"]["code"]), (500, "disk_failed"))
            self.assertNotIn("omnesia-files", r.body.decode())
            os.unlink(self.files.name)
            os.rename(self.files.name + ".gone", self.files.name)
            self.assertEqual(c.upload([request("b")]).status, 200)
            self.assertEqual(len(c.get("/v1/files").json["data"]), 2)


class Beside(unittest.TestCase):
    def test_a_client_does_not_wait_for_a_batch(self):
        with Server("--ctx", "512", "--slots", "8") as s:
            c = Client(s)
            id = c.batch([request(f"l{i}", max_tokens=300, ignore_eos=True) for i in range(200)])
            c.wait(id, lambda b: b["request_counts"]["completed"] > 2)
            most = 0
            for i in range(40):
                most = max(most, len(s.jobs()))
                r = s.chat(f"Beside {i}.", max_tokens=1)
                self.assertEqual(r.status, 200)
            self.assertEqual(c.state(id)["status"], "in_progress")
            self.assertTrue(1 <= most <= 2, most)  # a quarter of the slots
            c.ask("POST", f"/v1/batches/{id}/cancel")
            c.wait(id)


if __name__ == "__main__":
    unittest.main()
