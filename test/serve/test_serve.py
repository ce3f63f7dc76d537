#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_serve.py - `omnesia serve` from end to end, on a tiny random model.

What clients of OpenAI's interface see: answers whole and streamed, figures that are true, errors
that name the field, keys that keep tenants apart, clients that leave. Standard library only.
"""
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from server import SOURCE, TINY, Server, good_fields, read_reply

WRITING = ["/v1/chat/completions", "/v1/completions"]


def text_of(reply):
    return "".join(e["choices"][0]["delta"].get("content") or "" for _, e in reply.events
                   if e != "[DONE]" and e["choices"])


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)

    def test_an_answer_is_in_openais_form(self):
        r = self.s.chat().json
        self.assertEqual(r["object"], "chat.completion")
        self.assertTrue(r["id"].startswith("chatcmpl-"))
        self.assertEqual(r["model"], "tiny-llama")
        choice = r["choices"][0]
        self.assertEqual(choice["message"]["role"], "assistant")
        self.assertEqual(choice["finish_reason"], "length")
        self.assertEqual(r["usage"]["completion_tokens"], 8)
        self.assertEqual(r["usage"]["total_tokens"], r["usage"]["prompt_tokens"] + 8)

    def test_a_stream_says_what_a_whole_answer_says(self):
        whole = self.s.chat("Two ways.", max_tokens=30)
        stream = self.s.chat("Two ways.", max_tokens=30, stream=True,
                             stream_options={"include_usage": True})
        self.assertTrue(stream.headers["content-type"].startswith("text/event-stream"))
        self.assertEqual(text_of(stream), whole.json["choices"][0]["message"]["content"])
        events = [e for _, e in stream.events]
        self.assertEqual(events[-1], "[DONE]")
        self.assertEqual(events[-2]["choices"], [])
        self.assertEqual(events[-2]["usage"]["completion_tokens"], 30)
        self.assertEqual(events[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual(events[-3]["choices"][0]["finish_reason"], "length")
        self.assertTrue(all(e["usage"] is None for e in events[:-2]))

    def test_without_include_usage_a_stream_has_none(self):
        events = [e for _, e in self.s.chat(stream=True).events]
        self.assertTrue(all("usage" not in e for e in events[:-1]))

    def test_cached_tokens_are_true_to_the_token(self):
        words = "The tortoise thought there was time, and this is said here alone. "
        first = self.s.chat(words).json["usage"]
        again = self.s.chat(words).json["usage"]
        self.assertLess(first["prompt_tokens_details"]["cached_tokens"],
                        first["prompt_tokens"] // 2)
        # The last token is always computed, since the logits behind it are needed.
        self.assertEqual(again["prompt_tokens_details"]["cached_tokens"],
                         again["prompt_tokens"] - 1)

    def test_n_answers_have_indices_and_count_the_prompt_once(self):
        r = self.s.chat("Several.", n=3, temperature=1.5, seed=7, max_tokens=6).json
        self.assertEqual([c["index"] for c in r["choices"]], [0, 1, 2])
        self.assertEqual(r["usage"]["completion_tokens"], 18)
        one = self.s.chat("Several.", temperature=1.5, seed=7, max_tokens=6).json
        self.assertEqual(one["usage"]["prompt_tokens"], r["usage"]["prompt_tokens"])
        self.assertEqual(one["choices"][0]["message"], r["choices"][0]["message"])

    def test_a_seed_repeats(self):
        ask = dict(temperature=2, max_tokens=20, top_k=0)
        a = self.s.chat("Seed.", seed=5, **ask).json["choices"][0]["message"]
        b = self.s.chat("Seed.", seed=5, **ask).json["choices"][0]["message"]
        c = self.s.chat("Seed.", seed=6, **ask).json["choices"][0]["message"]
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)

    def test_log_probabilities_belong_to_the_tokens(self):
        r = self.s.chat("Odds.", logprobs=True, top_logprobs=3, max_tokens=5).json
        content = r["choices"][0]["logprobs"]["content"]
        self.assertEqual(len(content), 5)
        for token in content:
            self.assertEqual(len(token["top_logprobs"]), 3)
            self.assertEqual(token["top_logprobs"][0]["logprob"], token["logprob"])  # greedy
            self.assertLessEqual(token["logprob"], 0)
        stream = self.s.chat("Odds.", logprobs=True, top_logprobs=3, max_tokens=5, stream=True)
        streamed = [t for _, e in stream.events if e != "[DONE]"
                    for t in ((e["choices"][0]["logprobs"] or {}).get("content") or [])]
        self.assertEqual(streamed, content)

    def test_a_bias_decides(self):
        ids = self.s.post("/tokenize", {"content": "h"}).json["tokens"]
        r = self.s.chat("Bias.", logit_bias={str(ids[0]): 100}, max_tokens=4).json
        self.assertEqual(r["choices"][0]["message"]["content"], "hhhh")

    def test_a_stop_text_ends_the_answer_before_it(self):
        ids = self.s.post("/tokenize", {"content": "h"}).json["tokens"]
        r = self.s.chat("Stop.", logit_bias={str(ids[0]): 100}, stop="hhh", max_tokens=9).json
        self.assertEqual(r["choices"][0]["message"]["content"], "")
        self.assertEqual(r["choices"][0]["finish_reason"], "stop")

    def test_texts_are_gone_on_from(self):
        r = self.s.post("/v1/completions", {"prompt": ["one", "two"], "n": 2, "max_tokens": 3,
                                            "temperature": 0, "echo": True, "logprobs": 1}).json
        self.assertEqual([c["index"] for c in r["choices"]], [0, 1, 2, 3])
        for c, word in zip(r["choices"], ["one", "one", "two", "two"]):
            self.assertTrue(c["text"].startswith(word))
            self.assertEqual(len(c["logprobs"]["tokens"]), 3)
            self.assertEqual(c["logprobs"]["text_offset"][0], 3)
        alone = [self.s.post("/v1/completions", {"prompt": p, "max_tokens": 1}).json["usage"]
                 for p in ("one", "two")]
        self.assertEqual(r["usage"]["prompt_tokens"], sum(u["prompt_tokens"] for u in alone))

    def test_token_ids_are_a_prompt(self):
        ids = self.s.post("/tokenize", {"content": "There was time."}).json["tokens"]
        by_id = self.s.post("/v1/completions", {"prompt": ids, "max_tokens": 5, "temperature": 0})
        by_text = self.s.post("/v1/completions",
                              {"prompt": "There was time.", "max_tokens": 5, "temperature": 0})
        self.assertEqual(by_id.json["choices"], by_text.json["choices"])
        back = self.s.post("/detokenize", {"tokens": ids}).json
        self.assertEqual(back, {"content": "There was time."})
        bad = self.s.post("/v1/completions", {"prompt": [1, 99999999]})
        self.assertEqual((bad.status, bad.json["error"]["param"]), (400, "prompt"))

    def test_a_template_is_applied_as_asked(self):
        prompt = self.s.post("/apply-template", {"messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"},
                                         {"type": "text", "text": "b"}]}]}).json["prompt"]
        self.assertIn("ab", prompt)

    def test_content_may_come_in_parts(self):
        parts = self.s.chat([{"type": "text", "text": "There "}, {"type": "text", "text": "was."}])
        whole = self.s.chat("There was.")
        self.assertEqual(parts.json["choices"], whole.json["choices"])

    def test_a_prompt_that_is_too_long_is_a_400(self):
        r = self.s.chat("word " * 4000)
        self.assertEqual(r.status, 400)
        self.assertEqual(r.json["error"]["code"], "context_length_exceeded")
        r = self.s.chat("word " * 4000, stream=True)
        self.assertEqual(r.status, 400)

    def test_a_response_format_needs_its_schema(self):
        for bad in ({"type": "xml"}, {"type": "json_schema"}, {}):
            r = self.s.chat(response_format=bad)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, "response_format"))

    def test_many_at_once_get_their_own_answers(self):
        def one(i):
            out[i] = self.s.chat(f"Agent {i} says", max_tokens=12).json["choices"][0]["message"]
        out = {}
        alone = {}
        for i in range(20):
            alone[i] = self.s.chat(f"Agent {i} says", max_tokens=12).json["choices"][0]["message"]
        threads = [threading.Thread(target=one, args=(i,)) for i in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(out, alone)


class Fields(unittest.TestCase):
    """Every field of every route, from the document the server makes of its table."""

    @classmethod
    def setUpClass(cls):
        cls.s = Server().start()
        cls.doc = cls.s.get("/openapi.json").json
        cls.good = good_fields(cls.s)

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)

    def plain(self, schema):
        """A schema without its reference into the components, and without its null."""
        choices = schema.get("anyOf", [])
        if len(choices) == 2 and choices[1] == {"type": "null"}:
            schema = choices[0]
        if "$ref" in schema:
            return self.doc["components"]["schemas"][schema["$ref"].split("/")[-1]]
        if "properties" in schema:
            return {**schema, "properties": {k: self.plain(v)
                                             for k, v in schema["properties"].items()}}
        return schema

    def bodies(self):
        for path, methods in self.doc["paths"].items():
            content = methods.get("post", {}).get("requestBody", {}).get("content", {})
            if "application/json" in content:  # others are forms
                schema = content["application/json"]["schema"]
                yield path, self.plain(schema)["properties"], schema["required"]

    def body(self, properties):
        return {k: v for k, v in self.good.items()
                if k in properties and "properties" not in properties[k]}

    def refuse(self, path, body, name):
        r = self.s.post(path, body)
        self.assertEqual(r.status, 400, (path, body, r.body))
        if "param" in r.json["error"]:
            self.assertTrue((r.json["error"]["param"] or "").startswith(name), (path, name, r.body))
        self.assertIn(name, r.json["error"]["message"])

    def test_wrong_types_and_ranges_are_named(self):
        checked = 0
        for path, properties, _ in self.bodies():
            for name, schema in properties.items():
                if "properties" in schema:  # of an object: one level down
                    inner, schema = next(iter(schema["properties"].items()))
                    wrap = lambda v, n=name, i=inner: {n: {i: v}}
                    full = f"{name}.{inner}"
                else:
                    wrap, full = (lambda v, n=name: {n: v}), name
                wrong = []
                types = schema.get("type", [])
                if "boolean" in types:
                    wrong += [1, "true"]
                if "integer" in types or "number" in types:
                    wrong += ["1", [], True]
                    if "minimum" in schema:
                        wrong += [schema["minimum"] - 1, schema["maximum"] + 1]
                if "integer" in types:
                    wrong += [1.5]
                if "string" in types:
                    wrong += [3]
                    if "maxLength" in schema:
                        wrong += ["x" * (schema["maxLength"] + 1)]
                if "object" in types:
                    wrong += [3, []]
                if "array" in types:
                    wrong += [3, {}]
                if name.startswith("stop"):
                    wrong += [3, [3], ["x"] * 17]
                elif "anyOf" in schema:
                    wrong += [True, [True]]
                for value in wrong:
                    self.refuse(path, {**self.body(properties), **wrap(value)}, full)
                    checked += 1
        self.assertGreater(checked, 200)

    def test_null_is_as_good_as_absent(self):
        for path, properties, required in self.bodies():
            if path in ("/v1/embeddings", "/v1/fleet"):  # this server has no region
                continue
            body = {k: None for k in properties if k not in required and k != "model"
                    and not k.startswith("max_")}
            r = self.s.post(path, {**body, **self.body(properties)})
            self.assertEqual(r.status, 200, (path, r.body))

    def test_what_is_needed_is_missed(self):
        for path, properties, required in self.bodies():
            for name in required:
                body = self.body(properties)
                body.pop(name)
                self.refuse(path, body, name)

    def test_unknown_fields_are_ignored(self):
        self.assertEqual(self.s.chat(store=True, metadata={"a": "b"}, service_tier="x").status, 200)

    def test_bodies_that_are_no_json(self):
        for body in (b"", b"{", b"nonsense", b"[1]", b"\xff\xfe", b'{"messages": "\xff"}',
                     b"[" * 5000, b'{"messages": [' + b"0," * 600000 + b"0]}"):
            r = self.s.post("/v1/chat/completions", body)
            self.assertEqual(r.status, 400, body[:40])
            self.assertIn("message", r.json["error"])

    def test_a_long_body_is_read_beside_the_sockets(self):
        r = self.s.chat("x", user="u", metadata={"pad": "p" * 200000})
        self.assertEqual(r.status, 200)

    def test_a_chunked_body_is_read(self):
        body = json.dumps({"messages": [{"role": "user", "content": "hi"}],
                           "max_tokens": 2}).encode()
        data = self.s.head("POST", "/v1/chat/completions", {"Transfer-Encoding": "chunked"})
        for i in range(0, len(body), 7):
            piece = body[i:i + 7]
            data += b"%x\r\n%s\r\n" % (len(piece), piece)
        self.assertEqual(self.s.raw(data + b"0\r\n\r\n").status, 200)

    def test_messages_are_checked(self):
        cases = [([{"role": "bob", "content": "x"}], "messages[0]"),
                 (["x"], "messages[0]"),
                 ([{"role": "user", "content": 3}], "messages[0].content"),
                 ([{"role": "user", "content": [{"type": "image_url"}]}], "messages[0].content[0]"),
                 ([{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": 3}],
                  "messages[1]"),
                 ([], "messages")]
        for messages, param in cases:
            r = self.s.post("/v1/chat/completions", {"messages": messages})
            self.assertEqual((r.status, r.json["error"]["param"]), (400, param), r.body)

    def test_places_have_the_names_their_clients_know(self):
        for path, body, param in (
                ("/v1/responses", {"input": [{"role": "user"}, {"type": 3}]}, "input[1]"),
                ("/v1/responses", {"input": [3]}, "input[0]"),
                ("/v1/responses", {"input": [{"role": "bob"}]}, "input[0]"),
                ("/v1/responses", {"instructions": "x", "input": [{"role": "user", "content": 3}]},
                 "input[0].content"),
                ("/v1/messages", {"messages": [{"role": "user", "content": [
                    {"type": "tool_use", "name": 3}]}]}, "messages[0].content[0].name")):
            self.refuse(path, body, param)

    def test_a_preflight_names_what_the_path_does(self):
        for path, allow in (("/v1/models", "GET, HEAD, OPTIONS"), ("/tokenize", "POST, OPTIONS"),
                            ("/nowhere", "GET, HEAD, POST, PATCH, DELETE, OPTIONS")):
            r = self.s.ask("OPTIONS", path)
            self.assertEqual((r.status, r.headers["allow"]), (204, allow))

    def test_tools_are_checked(self):
        for tools in ([{"type": "x"}], [{"type": "function"}],
                      [{"type": "function", "function": {"name": "f", "parameters": 3}}]):
            r = self.s.chat(tools=tools)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, "tools"), r.body)
        good = [{"type": "function", "function": {"name": "f"}}]
        for choice in ("maybe", {"type": "function", "function": {"name": "g"}}, 3):
            r = self.s.chat(tools=good, tool_choice=choice)
            self.assertEqual(r.status, 400, (choice, r.body))


class Shapes(unittest.TestCase):
    """Answers that follow a grammar: even a model of random weights cannot leave it."""

    CALL = [{"type": "function", "function": {"name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "maxLength": 4},
                                         "days": {"$ref": "#/$defs/days"}},
        "required": ["city", "days"], "additionalProperties": False,
        "$defs": {"days": {"type": "integer", "minimum": 1, "maximum": 9}}}}},
        {"type": "function", "function": {"name": "time", "parameters": {
            "type": "object", "properties": {}, "additionalProperties": False}}}]

    @classmethod
    def setUpClass(cls):
        cls.s = Server("--ctx", "4096").start()
        cls.ask = dict(temperature=1, max_tokens=400)

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)

    def check(self, call):
        arguments = json.loads(call["function"]["arguments"])
        if call["function"]["name"] == "time":
            return self.assertEqual(arguments, {})
        self.assertEqual(call["function"]["name"], "weather")
        self.assertEqual(sorted(arguments), ["city", "days"])
        self.assertLessEqual(len(arguments["city"]), 4)
        self.assertIn(arguments["days"], range(1, 10))

    def test_a_call_that_is_required_comes(self):
        for seed in range(1, 9):
            r = self.s.chat(tools=self.CALL, tool_choice="required", seed=seed, **self.ask).json
            choice = r["choices"][0]
            self.assertEqual(choice["finish_reason"], "tool_calls", r)
            self.assertIsNone(choice["message"]["content"])
            self.assertEqual(len(choice["message"]["tool_calls"]), 1)
            self.check(choice["message"]["tool_calls"][0])

    def test_a_named_function_is_the_one_and_streams(self):
        events = [e for _, e in self.s.chat(
            tools=self.CALL, tool_choice={"type": "function", "function": {"name": "weather"}},
            stream=True, seed=3, **self.ask).events if e != "[DONE]"]
        call = {"function": {"name": "", "arguments": ""}}
        for e in events:
            delta = e["choices"][0]["delta"]
            self.assertFalse(delta.get("content"))
            for piece in delta.get("tool_calls", []):
                self.assertEqual(piece["index"], 0)
                call["function"]["name"] += piece["function"].get("name", "")
                call["function"]["arguments"] += piece["function"]["arguments"]
        self.assertEqual(call["function"]["name"], "weather")
        self.check(call)
        self.assertEqual(events[-1]["choices"][0]["finish_reason"], "tool_calls")

    def test_several_calls_come_when_they_may(self):
        ids = {c: self.s.post("/tokenize", {"content": c}).json["tokens"][0] for c in "[,"}
        r = self.s.chat(tools=self.CALL, tool_choice="required", parallel_tool_calls=True, seed=3,
                        temperature=1, max_tokens=3000,
                        logit_bias={str(ids["["]): 100, str(ids[","]): 100}).json
        calls = r["choices"][0]["message"]["tool_calls"]
        self.assertGreater(len(calls), 1)
        for call in calls:
            self.check(call)
        self.assertEqual(len({c["id"] for c in calls}), len(calls))

    def test_other_clients_see_the_call_in_their_form(self):
        tools = [{"name": f["function"]["name"], "input_schema": f["function"]["parameters"]}
                 for f in self.CALL]
        body = {"messages": [{"role": "user", "content": "x"}], "tools": tools, "max_tokens": 400,
                "temperature": 1, "tool_choice": {"type": "tool", "name": "weather"}}
        r = self.s.post("/v1/messages", body).json
        self.assertEqual(r["stop_reason"], "tool_use")
        self.assertEqual([b["type"] for b in r["content"]], ["tool_use"])
        self.assertIn(r["content"][0]["input"]["days"], range(1, 10))
        names = [n for n, _ in self.s.post("/v1/messages", dict(body, stream=True)).events]
        self.assertEqual(names, ["message_start", "content_block_start", "content_block_delta",
                                 "content_block_stop", "message_delta", "message_stop"])
        flat = [dict(f["function"], type="function") for f in self.CALL]
        body = {"input": "x", "tools": flat, "tool_choice": "required", "max_output_tokens": 400,
                "temperature": 1}
        r = self.s.post("/v1/responses", body).json
        self.assertEqual([i["type"] for i in r["output"]], ["function_call"])
        events = self.s.post("/v1/responses", dict(body, stream=True)).events
        self.assertEqual(events[-1][0], "response.completed")
        self.assertEqual([e["sequence_number"] for _, e in events], list(range(len(events))))
        done = [e for n, e in events if n == "response.function_call_arguments.done"][0]
        self.assertEqual(events[-1][1]["response"]["output"][0]["arguments"], done["arguments"])

    def test_a_schema_is_followed(self):
        schema = {"type": "object", "properties": {"a": {"type": "array", "items": {
            "enum": ["x", "y"]}, "maxItems": 3}, "b": {"type": "boolean"}},
            "required": ["a", "b"], "additionalProperties": False}
        for seed in range(1, 6):
            r = self.s.chat(seed=seed, response_format={
                "type": "json_schema", "json_schema": {"name": "n", "schema": schema}}, **self.ask)
            made = json.loads(r.json["choices"][0]["message"]["content"])
            self.assertEqual(sorted(made), ["a", "b"])
            self.assertTrue(set(made["a"]) <= {"x", "y"} and isinstance(made["b"], bool))

    def test_a_grammar_is_followed(self):
        r = self.s.chat(grammar='root ::= ("ab" | "c"){3} "!"', **self.ask).json
        self.assertRegex(r["choices"][0]["message"]["content"], "^(ab|c){3}!$")

    def test_grammars_that_cannot_be_are_named(self):
        for fields, param in (({"grammar": "root ::= ("}, "grammar"),
                              ({"response_format": {"type": "json_schema", "json_schema": {
                                  "schema": {"type": "nothing"}}}}, "response_format"),
                              ({"tools": [{"type": "function", "function": {
                                  "name": "f", "parameters": {"type": "nothing"}}}],
                                "tool_choice": "required"}, "tools")):
            r = self.s.chat(**fields)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, param), r.body)


class Doors(unittest.TestCase):
    """Paths, methods, limits, browsers."""

    @classmethod
    def setUpClass(cls):
        cls.s = Server("--allow-origin", "https://good.example").start()

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)

    def test_paths_and_methods(self):
        self.assertEqual(self.s.get("/health").json, {"status": "ok"})
        self.assertEqual(self.s.get("/nowhere").status, 404)
        r = self.s.ask("DELETE", "/v1/models")
        self.assertEqual((r.status, r.headers["allow"]), (405, "GET, HEAD, OPTIONS"))
        r = self.s.get("/v1/completions")
        self.assertEqual((r.status, r.headers["allow"]), (405, "POST, OPTIONS"))
        r = self.s.ask("HEAD", "/health")
        self.assertEqual((r.status, r.headers["content-length"], r.body), (200, "15", b""))

    def test_models_are_listed_and_any_name_is_served_by_the_only_one(self):
        data = self.s.get("/v1/models").json["data"]
        self.assertEqual([m["id"] for m in data], ["tiny-llama"])
        self.assertEqual(self.s.get("/v1/models/tiny-llama").json["object"], "model")
        self.assertEqual(self.s.get("/v1/models/gpt-9").status, 404)
        self.assertEqual(self.s.chat(model="gpt-9").json["model"], "tiny-llama")

    def test_the_page_and_its_files(self):
        r = self.s.get("/")
        self.assertEqual(r.status, 200)
        self.assertIn("text/html", r.headers["content-type"])
        self.assertIn("default-src 'self'", r.headers["content-security-policy"])
        self.assertEqual(self.s.get("/page/page.css").status, 200)
        for bad in ("/page/../page.css", "/page/%2e%2e/x", "/page/none"):
            self.assertEqual(self.s.get(bad).status, 404)

    def test_metrics_are_prometheus_text(self):
        self.s.chat()
        r = self.s.get("/metrics")
        self.assertTrue(r.headers["content-type"].startswith("text/plain; version=0.0.4"))
        values = {}
        for line in r.body.decode().split("\n"):
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
                self.assertNotIn(" ", name.split("{")[0])
        self.assertGreaterEqual(values["omnesia_written_tokens_total"], 8)
        self.assertEqual(values['omnesia_request_seconds_bucket{le="+Inf"}'],
                         values["omnesia_request_seconds_count"])

    def test_the_state_has_what_the_page_shows(self):
        state = self.s.get("/api/state").json
        for name in ("version", "uptime_s", "loop", "jobs", "region", "extents", "processes",
                     "models", "memory", "tokens_per_s"):
            self.assertIn(name, state)
        self.assertGreater(state["memory"]["resident"], 1 << 20)
        self.assertEqual(state["models"][0]["name"], "tiny-llama")

    def test_heads_that_are_too_large_or_malformed(self):
        host = b"Host: localhost\r\n"
        cases = [(b"GET /health HTTP/1.1\r\n" + host + b"A: " + b"x" * 40000 + b"\r\n\r\n", 431),
                 (b"GET /health HTTP/1.1\r\n" + host + b"A: b\r\n" * 70 + b"\r\n", 431),
                 (b"GET /health HTTP/1.1\r\n\r\n", 400),
                 (b"GET /health HTTP/2.0\r\n" + host + b"\r\n", 505),
                 (b"GET health HTTP/1.1\r\n" + host + b"\r\n", 400),
                 (b"nonsense\r\n\r\n", 400),
                 (b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n", 400),
                 (b"GET /health HTTP/1.1\r\n" + host + b" folded\r\n\r\n", 400),
                 (b"POST /tokenize HTTP/1.1\r\n" + host +
                  b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
                 (b"POST /tokenize HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n", 400),
                 (b"POST /tokenize HTTP/1.1\r\n" + host +
                  b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
                 (b"POST /tokenize HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip\r\n\r\n", 501),
                 (b"POST /tokenize HTTP/1.1\r\n" + host +
                  b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400)]
        for data, status in cases:
            r = self.s.raw(data)
            self.assertEqual(r.status, status, data[:90])
            self.assertIn("message", r.json["error"])
            self.assertEqual(r.headers["connection"], "close")
        self.assertEqual(self.s.get("/health").status, 200)

    def test_a_body_that_is_too_large_is_refused_before_it_is_sent(self):
        head = self.s.head("POST", "/tokenize", None, 17 << 20)
        self.assertEqual(self.s.raw(head).status, 413)
        with self.s.connect() as sock:
            sock.sendall(self.s.head("POST", "/tokenize", {"Transfer-Encoding": "chunked"}))
            try:
                for _ in range(18):
                    sock.sendall(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
            except OSError:
                pass
            self.assertEqual(read_reply(sock).status, 413)

    def test_requests_share_a_connection_also_sent_ahead(self):
        with self.s.connect() as sock:
            for _ in range(3):
                self.assertEqual(self.s.chat(sock=sock).status, 200)
            sock.sendall(self.s.head("GET", "/health", None) * 3)
            buffer = b""
            while buffer.count(b'{"status":"ok"}') < 3:
                buffer += sock.recv(4096)
        r = self.s.get("/health", headers={"Connection": "close"})
        self.assertEqual(r.headers["connection"], "close")

    def test_expect_is_answered(self):
        with self.s.connect() as sock:
            sock.sendall(self.s.head("POST", "/tokenize", {"Expect": "100-continue"}, 15))
            self.assertIn(b"100 Continue", sock.recv(1000))
            sock.sendall(b'{"content":"h"}')
            self.assertEqual(read_reply(sock).status, 200)

    def test_hosts_of_others_are_refused(self):
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1]x",
                     "127.0.0.1:80x", ""):
            r = self.s.get("/health", headers={"Host": host})
            self.assertEqual(r.status, 403, host)
        for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8080"):
            self.assertEqual(self.s.get("/health", headers={"Host": host}).status, 200, host)

    def test_origins_of_others_are_refused(self):
        own = f"http://127.0.0.1:{self.s.port}"
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1", own + ".evil.example"):
            r = self.s.chat(headers={"Origin": origin, "Content-Type": "text/plain"})
            self.assertEqual(r.status, 403, origin)
            self.assertNotIn("access-control-allow-origin", r.headers)
            self.assertEqual(self.s.ask("OPTIONS", "/v1/completions",
                                        headers={"Origin": origin}).status, 403)
        self.assertEqual(self.s.chat(headers={"Origin": own}).status, 200)
        r = self.s.ask("OPTIONS", "/v1/completions", headers={
            "Origin": "https://good.example", "Access-Control-Request-Method": "POST"})
        self.assertEqual((r.status, r.headers["access-control-allow-origin"]),
                         (204, "https://good.example"))
        r = self.s.chat(headers={"Origin": "https://good.example"})
        self.assertEqual((r.status, r.headers["access-control-allow-origin"]),
                         (200, "https://good.example"))

    def test_a_unix_socket_is_a_door_too_and_ours_alone(self):
        self.assertEqual(os.stat(self.s.unix).st_mode & 0o777, 0o600)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self.s.unix)
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: anything\r\n\r\n")
            self.assertEqual(read_reply(sock).status, 200)

    def test_an_old_client_is_answered(self):
        r = self.s.raw(b"GET /health HTTP/1.0\r\n\r\n")
        self.assertEqual((r.status, r.headers["connection"]), (200, "close"))
        body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "stream": True,
                           "max_tokens": 3}).encode()
        head = b"POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
        r = self.s.raw(head + body)
        self.assertTrue(r.body.endswith(b"data: [DONE]\n\n"))


class Keys(unittest.TestCase):
    KEYS = {"anna": "key-of-anna-1", "ben": "key-of-ben-22"}

    @classmethod
    def setUpClass(cls):
        cls.file = tempfile.NamedTemporaryFile("w", suffix=".keys")
        cls.file.write("# keys\n" + "".join(f"{n}:{k}\n" for n, k in cls.KEYS.items()))
        cls.file.flush()
        cls.s = Server("--key-file", cls.file.name).start()

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)
        cls.file.close()
        said = "\n".join(cls.s.lines)
        assert not any(k in said for k in cls.KEYS.values()), "a key is in the log"
        assert "tortoise" not in said, "a prompt is in the log"
        assert '"key":"anna"' in said

    def test_every_route_asks_for_a_key_but_health_and_the_page(self):
        doc = self.s.get("/openapi.json", headers={"Authorization": "Bearer key-of-anna-1"}).json
        asked = 0
        for path, methods in doc["paths"].items():
            for method, operation in methods.items():
                free = operation.get("security") == []
                self.assertEqual(free, path in ("/health", "/", "/page/{name}"), path)
                if free:
                    continue
                for headers in ({}, {"Authorization": "Bearer wrong"}, {"x-api-key": ""},
                                {"Authorization": "Basic key-of-anna-1"},
                                {"Authorization": "Bearer key-of-anna-12"},
                                {"Authorization": "Bearer key-of-anna-"}):
                    r = self.s.ask(method.upper(), path.replace("{name}", "x"), b"{}"
                                   if method == "post" else None, headers=headers)
                    self.assertEqual(r.status, 401, (path, headers))
                    self.assertEqual(r.headers["www-authenticate"], "Bearer")
                    asked += 1
        self.assertGreater(asked, 50)
        self.assertEqual(self.s.get("/nowhere").status, 401)  # nothing is learnt about paths
        self.assertEqual(self.s.get("/health").status, 200)

    def test_both_ways_to_send_a_key(self):
        for headers in ({"Authorization": "Bearer key-of-ben-22"}, {"x-api-key": "key-of-ben-22"},
                        {"authorization": "bearer key-of-ben-22"}):
            self.assertEqual(self.s.get("/v1/models", headers=headers).status, 200)

    def cached(self, content, key, **more):
        r = self.s.chat(content, headers={"x-api-key": self.KEYS[key]}, **more).json
        return r["usage"]["prompt_tokens_details"]["cached_tokens"]

    def test_what_one_key_computed_another_cannot_find(self):
        secret = "The hare said only to anna that the race begins at noon. " * 2
        self.assertLess(self.cached(secret, "anna"), 16)  # the template's own words at most
        self.assertGreater(self.cached(secret, "anna"), 16)
        self.assertEqual(self.cached(secret, "ben"), 0)
        self.assertGreater(self.cached(secret, "ben"), 16)

    def test_a_salt_keeps_requests_of_one_key_apart(self):
        words = "The tortoise is salted, and nobody else tastes it here. " * 2
        self.assertEqual(self.cached(words, "anna", cache_salt="a"), 0)
        self.assertGreater(self.cached(words, "anna", cache_salt="a"), 16)
        self.assertEqual(self.cached(words, "anna", cache_salt="b"), 0)
        self.assertEqual(self.cached(words, "anna"), 0)
        self.assertEqual(self.cached(words, "ben", cache_salt="a"), 0)


class Public(unittest.TestCase):
    def test_a_prompt_the_operator_opens_is_shared_by_all_keys(self):
        words = "This is what every agent of the house is told before anything else. " * 3
        with tempfile.NamedTemporaryFile("w") as keys, tempfile.NamedTemporaryFile("w") as public:
            keys.write("anna:a-1\nben:b-2\n")
            keys.flush()
            public.write(words + "\n")
            public.flush()
            with Server("--key-file", keys.name, "--public-prefix", public.name) as s:
                def cached(key, system, user):
                    r = s.post("/v1/chat/completions", {"max_tokens": 1, "messages": [
                        {"role": "system", "content": system}, {"role": "user", "content": user}]},
                        headers={"x-api-key": key}).json
                    return r["usage"]["prompt_tokens_details"]["cached_tokens"]
                cached("a-1", words, "My secret is the hare.")
                self.assertGreaterEqual(cached("b-2", words, "My secret is the hare."), 64)
                cached("a-1", "Not " + words, "And so on.")
                self.assertEqual(cached("b-2", "Not " + words, "And so on."), 0)


class Leaving(unittest.TestCase):
    """Clients that go away, and a server that does."""

    def test_a_client_that_leaves_takes_its_job_along(self):
        with Server("--slots", "2", "--tokens", "200") as s:
            long = {"messages": [{"role": "user", "content": "hi"}], "stream": True,
                    "max_tokens": 200, "ignore_eos": True}
            fds = s.descriptors()
            for round_ in range(30):
                socks = []
                for i in range(6):  # two are written, four wait
                    sock = s.connect()
                    body = json.dumps(dict(long, stream=i % 2 == 0)).encode()
                    sock.sendall(s.head("POST", "/v1/chat/completions", None, len(body)) + body)
                    socks.append(sock)
                if round_ % 3 == 0:
                    socks[0].recv(1)
                for sock in socks:
                    sock.close()
            s.wait_idle()
            info = s.get("/api/state").json["loop"]
            self.assertEqual(info["failed"], 0)
            self.assertGreater(info["cancelled"], 0)
            self.assertEqual(info["running"] + info["waiting"], 0)
            self.assertEqual(s.chat().status, 200)
            self.assertLessEqual(s.descriptors_left(fds), fds)

    def test_sigterm_lets_answers_end(self):
        s = Server().start()
        sock = s.connect()
        body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "stream": True,
                           "max_tokens": 150, "ignore_eos": True}).encode()
        sock.sendall(s.head("POST", "/v1/chat/completions", None, len(body)) + body)
        self.assertTrue(sock.recv(1, socket.MSG_PEEK))
        s.process.send_signal(signal.SIGTERM)
        r = read_reply(sock)
        sock.close()
        self.assertTrue(r.body.endswith(b"data: [DONE]\n\n"))
        self.assertEqual(s.process.wait(60), 0)
        s.process.stderr.close()

    def test_the_service_manager_is_told(self):
        folder = tempfile.mkdtemp()
        path = folder + "/notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(path)
            sock.settimeout(60)
            with Server(env={"NOTIFY_SOCKET": path}):
                self.assertEqual(sock.recv(100), b"READY=1")
            self.assertEqual(sock.recv(100), b"STOPPING=1")


class Several(unittest.TestCase):
    def test_models_are_loaded_on_demand_and_unknown_ones_listed(self):
        other = SOURCE + "/test/model/data/tiny-qwen2.gguf"
        with Server("-m", other) as s:
            self.assertEqual([m["loaded"] for m in s.get("/v1/models").json["data"]], [True, False])
            r = s.chat(model="gpt-9")
            self.assertEqual((r.status, r.json["error"]["code"]), (404, "model_not_found"))
            self.assertIn("tiny-llama", r.json["error"]["message"])
            self.assertIn("tiny-qwen2", r.json["error"]["message"])
            self.assertEqual(s.chat(model=other).json["model"], "tiny-qwen2")
            self.assertEqual(s.chat(model="tiny-qwen2").status, 200)
            self.assertEqual(s.chat().json["model"], "tiny-llama")
            self.assertEqual([m["loaded"] for m in s.get("/v1/models").json["data"]], [True, True])


class Refusals(unittest.TestCase):
    """What cannot be started says why in one sentence, with exit status 1."""

    def refuse(self, words, *options, **more):
        status, line = Server(*options, **more).refusal()
        self.assertEqual(status, 1, line)
        self.assertIn(words, line)

    def test_refusals(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.refuse("is taken", "--port", str(taken.getsockname()[1]), listen=False)
        self.refuse("--key-file", "--listen", "0.0.0.0:0", listen=False)
        with tempfile.NamedTemporaryFile("w") as keys:
            keys.write("a:b\n")
            keys.flush()
            self.refuse("--tls-cert", "--listen", "0.0.0.0:0", "--key-file", keys.name,
                        listen=False)
        self.refuse("certificate", "--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.pem")
        self.refuse("both", "--tls-cert", "/nowhere.pem")
        self.refuse("nowhere", "--key-file", "/nowhere.keys")
        self.refuse("nowhere", model="/nowhere.gguf")
        self.refuse("--listen", "--listen", "127.0.0.1:99999")
        for text, words in (("nonsense\n", "line 1"), ("", "no keys"), ("a:b\nc:b\n", "same key"),
                            ("a: b\n", "blanks")):
            with tempfile.NamedTemporaryFile("w") as keys:
                keys.write(text)
                keys.flush()
                self.refuse(words, "--key-file", keys.name)

    def test_insecure_listens_anywhere(self):
        with Server("--listen", "0.0.0.0:0", "--insecure", listen=False) as s:
            self.assertEqual(s.get("/health").status, 200)
            self.assertEqual(s.get("/metrics").status, 404)  # not everywhere by default


if __name__ == "__main__":
    unittest.main()
