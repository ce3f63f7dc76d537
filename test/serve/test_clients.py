#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_clients.py - the clients people have: PyPI openai and anthropic, unchanged.

Their packages go into build/clients-venv when pip can fetch them; else the test is skipped (77) and
says why. The model is a tiny random one: what is tested is that each client understands all it is
told, whole and streamed, and that errors become its own exceptions.
"""
import asyncio
import json
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

VENV = Path(os.environ["OMNESIA_BUILD"]) / "clients-venv"
NEEDS = ["openai", "anthropic"]


def enter_venv():
    """Become the interpreter of the venv, made on the first run."""
    python = VENV / "bin" / "python3"
    if Path(sys.prefix) == VENV:
        return
    have = python.exists() and subprocess.run(
        [python, "-c", "import " + ", ".join(NEEDS)], capture_output=True).returncode == 0
    if not have:
        try:
            subprocess.run([sys.executable, "-m", "venv", VENV], check=True, capture_output=True,
                           timeout=120)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDS], check=True,
                           capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"pip cannot fetch {', '.join(NEEDS)}: {error}")
            sys.exit(77)
    os.execv(python, [str(python), *sys.argv])


class OpenAI(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import openai
        from server import Server
        cls.openai = openai
        cls.s = Server("--ctx", "4096").start()
        cls.base = f"http://127.0.0.1:{cls.s.port}/v1"
        cls.client = openai.OpenAI(base_url=cls.base, api_key="none", max_retries=0)
        cls.ask = {"model": "any", "messages": [{"role": "user", "content": "A hare ran."}],
                   "max_tokens": 12, "temperature": 0}

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.s.__exit__(None)

    def test_a_chat(self):
        r = self.client.chat.completions.create(**self.ask, n=2, logprobs=True, top_logprobs=2)
        self.assertEqual(len(r.choices), 2)
        self.assertEqual(r.usage.completion_tokens, 24)
        self.assertEqual(len(r.choices[0].logprobs.content), 12)
        again = self.client.chat.completions.create(**self.ask)
        self.assertEqual(again.usage.prompt_tokens_details.cached_tokens, r.usage.prompt_tokens - 1)
        self.assertEqual(again.choices[0].message.content, r.choices[0].message.content)

    def test_a_stream(self):
        whole = self.client.chat.completions.create(**self.ask).choices[0].message.content
        chunks = list(self.client.chat.completions.create(
            **self.ask, stream=True, stream_options={"include_usage": True}))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, whole)
        self.assertEqual(chunks[-1].usage.completion_tokens, 12)

    def test_async_streams_at_once(self):
        async def one(client, i):
            out = ""
            stream = await client.chat.completions.create(
                **{**self.ask, "messages": [{"role": "user", "content": f"Agent {i}"}]},
                stream=True)
            async for chunk in stream:
                out += chunk.choices[0].delta.content or ""
            return out

        async def all_of_them():
            async with self.openai.AsyncOpenAI(base_url=self.base, api_key="x") as client:
                return await asyncio.gather(*(one(client, i) for i in range(16)))

        texts = asyncio.run(all_of_them())
        self.assertTrue(all(texts))

    def test_completions_and_models(self):
        r = self.client.completions.create(model="any", prompt=["a", "b"], max_tokens=3, logprobs=2)
        self.assertEqual([c.index for c in r.choices], [0, 1])
        self.assertEqual(len(r.choices[0].logprobs.tokens), 3)
        self.assertEqual(self.client.models.list().data[0].id, "tiny-llama")
        self.assertEqual(self.client.models.retrieve("tiny-llama").owned_by, "omnesia")

    def batch(self, lines, wait=True, **more):
        """A file and a batch of it, as OpenAI's guide has them."""
        data = "\n".join(json.dumps(x) for x in lines)
        f = self.client.files.create(file=("in.jsonl", data.encode()), purpose="batch")
        b = self.client.batches.create(input_file_id=f.id, endpoint="/v1/chat/completions",
                                       completion_window="24h", **more)
        while wait and b.status in ("validating", "in_progress", "finalizing", "cancelling"):
            time.sleep(0.05)
            b = self.client.batches.retrieve(b.id)
        return f, b

    def line(self, name, **more):
        return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions",
                "body": {**self.ask, **more}}

    def test_a_batch(self):
        lines = [self.line(f"l{i}", seed=i) for i in range(9)] + [self.line("bad", temperature=-1)]
        f, b = self.batch(lines, metadata={"job": "nightly"})
        self.assertEqual((f.purpose, f.filename, f.status), ("batch", "in.jsonl", "processed"))
        self.assertEqual((b.status, b.metadata, b.input_file_id, b.errors),
                         ("completed", {"job": "nightly"}, f.id, None))
        self.assertEqual((b.request_counts.total, b.request_counts.completed,
                          b.request_counts.failed), (10, 9, 1))
        out = self.client.files.content(b.output_file_id)
        answers = {x["custom_id"]: x for x in map(json.loads, out.text.splitlines())}
        self.assertEqual(set(answers), {f"l{i}" for i in range(9)})
        whole = self.openai.types.chat.ChatCompletion.model_validate(
            answers["l0"]["response"]["body"])
        self.assertEqual(whole.choices[0].message.content, self.client.chat.completions.create(
            **self.ask).choices[0].message.content)
        errors = self.client.files.content(b.error_file_id).read()
        self.assertEqual(json.loads(errors)["response"]["status_code"], 400)
        self.assertEqual(self.client.files.retrieve(b.output_file_id).purpose, "batch_output")
        self.assertTrue(self.client.files.delete(f.id).deleted)
        with self.assertRaises(self.openai.NotFoundError):
            self.client.files.retrieve(f.id)

    def test_batches_are_listed_cancelled_and_refused(self):
        made = [self.batch([self.line("a")])[1].id for _ in range(5)]
        listed = [b.id for b in self.client.batches.list(limit=2)]  # it fetches the pages
        self.assertEqual(listed[:5], made[::-1])
        files = list(self.client.files.list(limit=3, purpose="batch", order="asc"))
        self.assertGreaterEqual(len(files), 5)
        self.assertEqual({x.purpose for x in files}, {"batch"})
        _, b = self.batch([self.line(f"l{i}", max_tokens=500, ignore_eos=True)
                           for i in range(200)], wait=False)
        self.assertEqual(self.client.batches.cancel(b.id).status, "cancelling")
        while b.status != "cancelled":
            time.sleep(0.05)
            b = self.client.batches.retrieve(b.id)
        with self.assertRaises(self.openai.ConflictError):
            self.client.batches.cancel(b.id)
        _, b = self.batch([self.line("a"), self.line("a"), {"custom_id": "b"}])
        self.assertEqual((b.status, [e.line for e in b.errors.data]), ("failed", [2, 3]))
        with self.assertRaises(self.openai.BadRequestError) as caught:
            self.client.files.create(file=b"x", purpose="fine-tune")
        self.assertEqual(caught.exception.param, "purpose")

    def test_errors_are_its_own(self):
        with self.assertRaises(self.openai.BadRequestError) as caught:
            self.client.chat.completions.create(**{**self.ask, "temperature": 1000})
        self.assertEqual(caught.exception.param, "temperature")
        with self.assertRaises(self.openai.NotFoundError):
            self.client.models.retrieve("gpt-9")

    def test_responses(self):
        r = self.client.responses.create(model="any", input="A hare ran.", temperature=0,
                                         max_output_tokens=12)
        self.assertEqual(r.status, "incomplete")
        self.assertEqual(r.usage.output_tokens, 12)
        with self.client.responses.stream(model="any", input="A hare ran.", temperature=0,
                                          max_output_tokens=12) as stream:
            text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        self.assertEqual(text, r.output_text)
        items = [{"role": "user", "content": "x"},
                 {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
                 {"type": "function_call_output", "call_id": "c1", "output": "3"}]
        self.client.responses.create(model="any", input=items, max_output_tokens=2)

    def test_a_conversation_with_tools_is_read(self):
        tools = [{"type": "function", "function": {
            "name": "weather", "parameters": {"type": "object", "properties": {
                "city": {"type": "string"}}, "required": ["city"]}}}]
        self.client.chat.completions.create(model="any", max_tokens=2, tools=tools, messages=[
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function",
                 "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "rain"}])


class Anthropic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import anthropic
        from server import Server
        cls.anthropic = anthropic
        cls.s = Server("--ctx", "4096").start()
        cls.client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{cls.s.port}", api_key="x",
                                         max_retries=0)
        cls.ask = {"model": "any", "max_tokens": 12, "system": "Be brief.",
                   "messages": [{"role": "user", "content": "A hare ran."}],
                   "extra_body": {"temperature": 0}}

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.s.__exit__(None)

    def test_a_message(self):
        r = self.client.messages.create(**self.ask)
        self.assertEqual((r.role, r.stop_reason, r.usage.output_tokens),
                         ("assistant", "max_tokens", 12))
        count = self.client.messages.count_tokens(model="any", system="Be brief.",
                                                  messages=self.ask["messages"])
        usage = self.client.messages.create(**self.ask).usage
        self.assertEqual(usage.input_tokens + usage.cache_read_input_tokens, count.input_tokens)

    def test_a_stream(self):
        whole = self.client.messages.create(**self.ask)
        with self.client.messages.stream(**self.ask) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual(text, whole.content[0].text)
        self.assertEqual(final.stop_reason, "max_tokens")
        self.assertEqual(final.usage.output_tokens, 12)

    def test_a_conversation_with_tools_is_read(self):
        tools = [{"name": "weather", "description": "d", "input_schema": {
            "type": "object", "properties": {"city": {"type": "string"}}}}]
        self.client.messages.create(model="any", max_tokens=2, tools=tools, messages=[
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Paris"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "rain"}]}])

    def test_errors_are_its_own(self):
        with self.assertRaises(self.anthropic.BadRequestError) as caught:
            self.client.messages.create(**{**self.ask, "messages": []})
        self.assertEqual(caught.exception.body["error"]["type"], "invalid_request_error")


if __name__ == "__main__":
    enter_venv()
    unittest.main()
