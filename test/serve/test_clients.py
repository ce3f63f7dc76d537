#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_clients.py - the clients people have, from PyPI, unchanged.

They are openai, anthropic and langchain-openai. The model is a tiny random one: what is tested is
that each client understands all it is told, whole and streamed, and that errors become its own.
"""
import asyncio
import json
import time
import unittest

from packages import enter

NEEDS = ["openai==3.57.0", "anthropic==2.14.0", "langchain-openai==1.7.4"]


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

    def test_forms_are_filled_in(self):
        from typing import Literal
        from pydantic import BaseModel

        class Alarm(BaseModel):
            loud: bool
            day: Literal["monday", "tuesday"]

        ask = {**self.ask, "max_tokens": 200}
        said = self.client.chat.completions.parse(**ask, response_format=Alarm)
        self.assertIsInstance(said.choices[0].message.parsed, Alarm)
        with self.client.chat.completions.stream(**ask, response_format=Alarm) as stream:
            for _ in stream:
                pass
            final = stream.get_final_completion()
        self.assertEqual(final.choices[0].message.parsed, said.choices[0].message.parsed)
        said = self.client.responses.parse(model="any", input="Wake me.", text_format=Alarm,
                                           temperature=0, max_output_tokens=200)
        self.assertIsInstance(said.output_parsed, Alarm)

    def test_tools_are_called(self):
        tools = [{"type": "function", "function": {"name": name, "parameters": {
            "type": "object", "properties": {"loud": {"type": "boolean"}}, "required": ["loud"],
            "additionalProperties": False}}} for name in ("ring", "hum")]
        ask = {**self.ask, "max_tokens": 200, "tools": tools}
        for choice, names in (("required", ("ring", "hum")),
                              ({"type": "function", "function": {"name": "hum"}}, ("hum",))):
            r = self.client.chat.completions.create(**ask, tool_choice=choice).choices[0]
            calls = r.message.tool_calls
            self.assertEqual((r.finish_reason, len(calls)), ("tool_calls", 1))
            self.assertIn(calls[0].function.name, names)
            self.assertEqual(list(json.loads(calls[0].function.arguments)), ["loud"])
            with self.client.chat.completions.stream(**ask, tool_choice=choice) as stream:
                for _ in stream:
                    pass
                final = stream.get_final_completion().choices[0].message.tool_calls
            self.assertEqual([(c.function.name, c.function.arguments) for c in final],
                             [(c.function.name, c.function.arguments) for c in calls])
        both = {"grammar": 'root ::= "{\\"name\\":\\"ring\\"}\\n{\\"name\\":\\"hum\\"}"'}
        for parallel, names in (({}, ["ring", "hum"]), ({"parallel_tool_calls": False}, ["ring"])):
            r = self.client.chat.completions.create(**ask, **parallel, extra_body=both).choices[0]
            self.assertEqual([c.function.name for c in r.message.tool_calls], names)
            self.assertIsNone(r.message.content)
        r = self.client.responses.create(model="any", input="Wake me.", temperature=0,
                                         tools=[{"type": "function", **tools[0]["function"],
                                                 "strict": True}], tool_choice="required")
        self.assertEqual([i.name for i in r.output if i.type == "function_call"], ["ring"])

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

    def test_a_tool_is_called(self):
        ask = {**self.ask, "max_tokens": 200, "tool_choice": {"type": "any"}, "tools": [
            {"name": "ring", "input_schema": {
                "type": "object", "properties": {"loud": {"type": "boolean"}},
                "required": ["loud"], "additionalProperties": False}}]}
        r = self.client.messages.create(**ask)
        self.assertEqual((r.stop_reason, r.content[0].type, r.content[0].name),
                         ("tool_use", "tool_use", "ring"))
        self.assertIsInstance(r.content[0].input["loud"], bool)
        with self.client.messages.stream(**ask) as stream:
            final = stream.get_final_message()
        self.assertEqual((final.stop_reason, final.content[0].input),
                         ("tool_use", r.content[0].input))

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


class LangChain(unittest.TestCase):
    """Grammars make even random weights call tools and fill in forms."""

    @classmethod
    def setUpClass(cls):
        from langchain_openai import ChatOpenAI
        from server import Server
        cls.s = Server("--ctx", "4096").start()
        cls.chat = ChatOpenAI(base_url=f"http://127.0.0.1:{cls.s.port}/v1", api_key="none",
                              model="any", temperature=0, max_retries=0, max_tokens=200)

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)

    def test_a_chat_and_a_stream(self):
        ask = [("system", "Be brief."), ("user", "A hare ran.")]
        chat = self.chat.bind(max_tokens=12)
        whole = chat.invoke(ask)
        self.assertEqual(whole.usage_metadata["output_tokens"], 12)
        self.assertEqual(whole.response_metadata["finish_reason"], "length")
        pieces = list(chat.stream(ask))
        self.assertGreater(len(pieces), 3)
        self.assertEqual("".join(p.content for p in pieces), whole.content)
        self.assertEqual(asyncio.run(chat.ainvoke(ask)).content, whole.content)
        self.assertEqual([m.content for m in chat.batch([ask] * 3)], [whole.content] * 3)

    def test_a_tool_is_called_and_its_result_read(self):
        from langchain_core.messages import HumanMessage, ToolMessage
        from langchain_core.tools import tool

        @tool
        def alarm(loud: bool) -> str:
            """Ring."""
            return "it rang"

        ask = [HumanMessage("Wake me.")]
        for chat in (self.chat.bind_tools([alarm], tool_choice="alarm"),
                     self.chat.bind_tools([alarm], tool_choice="required")):
            said = chat.invoke(ask)
            call = said.tool_calls[0]
            self.assertEqual((call["name"], type(call["args"]["loud"])), ("alarm", bool))
            streamed = None
            for piece in chat.stream(ask):
                streamed = piece if streamed is None else streamed + piece
            self.assertEqual(streamed.tool_calls[0]["args"], call["args"])
            result = alarm.invoke(call)
            self.assertIsInstance(result, ToolMessage)
            self.chat.bind_tools([alarm]).bind(max_tokens=4).invoke([*ask, said, result])

    def test_forms_are_filled_in(self):
        from typing import Literal
        from pydantic import BaseModel

        class Alarm(BaseModel):
            loud: bool
            day: Literal["monday", "tuesday"]

        for method in ("json_schema", "function_calling"):
            form = self.chat.with_structured_output(Alarm, method=method).invoke("Wake me.")
            self.assertIsInstance(form, Alarm)
            self.assertIn(form.day, ("monday", "tuesday"))


if __name__ == "__main__":
    enter("clients-venv", NEEDS)
    unittest.main()
