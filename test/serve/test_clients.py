#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_clients.py - the clients people have: PyPI openai and anthropic, unchanged.

Their packages go into build/clients-venv when pip can fetch them; else the test is skipped (77) and
says why. The model is a tiny random one: what is tested is that each client understands all it is
told, whole and streamed, and that errors become its own exceptions.
"""
import asyncio
import os
import subprocess
import sys
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
