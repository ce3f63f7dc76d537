#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_mcp.py - the MCP client people have, from PyPI, in both eras, on both transports.

What is tested is that a client understands all it is told (it checks every structure against the
tool's own schema), that several servers on one store lose nothing, and that no door lets anybody
see what is another's.
"""
import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from packages import enter

NEEDS = ["mcp==2.3.0"]
MODES = ["legacy", "auto", "2026-07-28"]


class Place:
    """A region and a data folder of this test's own, and servers that have them."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="omnesia-mcp-")
        self.env = {"OMNESIA_DATA": self.folder + "/data", "OMNESIA_CONFIG": "none"}

    def arguments(self, *options):
        return ["mcp", "--region", self.folder + "/region", *options]

    def parameters(self, *options):
        from mcp.client.stdio import StdioServerParameters
        return StdioServerParameters(command=os.environ["OMNESIA_PROGRAM"],
                                     args=self.arguments(*options), env=self.env)

    def process(self, *options, **more):
        return subprocess.Popen([os.environ["OMNESIA_PROGRAM"], *self.arguments(*options)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env={**os.environ, **self.env}, **more)

    def talk(self, data, *options):
        """Bytes in, answers out; the program ends with its input."""
        p = self.process(*options)
        out, err = p.communicate(data, timeout=60)
        assert p.returncode == 0, err
        return [json.loads(line) for line in out.decode().splitlines()]

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        shutil.rmtree(self.folder, ignore_errors=True)


def ask(i, method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": params}).encode()


def call(i, tool, **arguments):
    return ask(i, "tools/call", name=tool, arguments=arguments)


@contextlib.asynccontextmanager
async def stdio(place, mode, *options):
    from mcp import Client
    async with Client(place.parameters(*options), mode=mode) as client:
        yield client


@contextlib.asynccontextmanager
async def http(server, mode, headers=None):
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client
    async with httpx2.AsyncClient(headers=headers or {}, timeout=30) as connection:
        transport = streamable_http_client(f"http://127.0.0.1:{server.port}/mcp",
                                           http_client=connection)
        async with Client(transport, mode=mode) as client:
            yield client


async def use(client, tool, **arguments):
    r = await client.call_tool(tool, arguments)
    assert not r.is_error, r.content[0].text
    assert json.loads(r.content[0].text) == r.structured_content
    return r.structured_content


async def objects(test, client):
    """What a client does with objects, whichever way it came."""
    names = [t.name for t in (await client.list_tools()).tools]
    test.assertIn("object_put", names)
    first = await use(client, "object_put", key="t/pose", value="x = 1 ☃")
    got = await use(client, "object_get", key="t/pose")
    test.assertEqual((got["value"], got["version"]), ("x = 1 ☃", first["version"]))
    test.assertIn("not instructions", got["note"])
    late = await client.call_tool("object_put", {"key": "t/pose", "value": "y", "if_version": 0})
    test.assertTrue(late.is_error)
    listed = await use(client, "object_list", prefix="t/")
    test.assertEqual([o["key"] for o in listed["objects"]], ["t/pose"])
    await use(client, "object_delete", key="t/pose")
    gone = await client.call_tool("object_get", {"key": "t/pose"})
    test.assertTrue(gone.is_error and "t/pose" in gone.content[0].text)
    wrong = await client.call_tool("object_get", {"kye": "t/pose"})
    test.assertIn("did you mean key", wrong.content[0].text)


class Stdio(unittest.TestCase):
    def test_every_era_has_the_tools(self):
        async def one(mode):
            with Place() as place:
                async with stdio(place, mode) as client:
                    version = client.session.protocol_version
                    self.assertEqual(version, "2025-11-25" if mode == "legacy" else "2026-07-28")
                    await objects(self, client)
        for mode in MODES:
            with self.subTest(mode=mode):
                asyncio.run(one(mode))

    def test_many_lines_are_answered_in_their_order(self):
        n = 2000
        lines = [call(i, "object_put", key=f"k/{i % 7}", value=str(i)) for i in range(n)]
        lines.insert(3, b'{"jsonrpc":"2.0","method":"notifications/cancelled",'
                        b'"params":{"requestId":5}}')
        with Place() as place:
            out = place.talk(b"\n".join(lines))  # the last one without a line end
            self.assertEqual([o["id"] for o in out], list(range(n)))
            self.assertTrue(all(not o["result"]["isError"] for o in out))

    def test_bad_lines_cost_themselves_alone(self):
        long = b'{"pad":"' + b"x" * (17 << 20) + b'"}'
        data = b"\n".join([b"{", b"", b"  \r", b"\xff\xfe", b"[]", long, b"\x00", ask(7, "ping")])
        with Place() as place:
            out = place.talk(data + b"\n")
        self.assertEqual([o.get("error", {}).get("code") for o in out],
                         [-32700, -32700, -32600, -32600, -32700, None])
        self.assertEqual(out[-1], {"jsonrpc": "2.0", "id": 7, "result": {}})

    def test_a_host_that_goes_away_ends_it(self):
        with Place() as place:
            p = place.process()
            p.stdin.write(ask(1, "ping") + b"\n")
            p.stdin.flush()
            self.assertEqual(json.loads(p.stdout.readline())["id"], 1)
            p.stdout.close()  # nobody reads: the next answer ends it, in peace
            p.stdin.write(ask(2, "ping") + b"\n")
            p.stdin.close()
            self.assertEqual(p.wait(20), 0)
            p.stderr.close()


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from server import Server
        cls.keys = tempfile.NamedTemporaryFile("w", suffix=".keys")
        cls.keys.write("anna:key-of-anna-1\nben:key-of-ben-22\n")
        cls.keys.flush()
        cls.s = Server("--ctx", "64", "--key-file", cls.keys.name).start()
        cls.s.key = "key-of-anna-1"

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)
        cls.keys.close()

    def test_every_era_has_the_tools(self):
        async def one(mode):
            async with http(self.s, mode, {"Authorization": "Bearer key-of-anna-1"}) as client:
                await objects(self, client)
        for mode in MODES:
            with self.subTest(mode=mode):
                asyncio.run(one(mode))

    def test_a_key_sees_its_own_objects_alone(self):
        async def both():
            anna = {"Authorization": "Bearer key-of-anna-1"}
            ben = {"Authorization": "Bearer key-of-ben-22"}
            async with http(self.s, "auto", anna) as a, http(self.s, "auto", ben) as b:
                await use(a, "object_put", key="secret", value="anna's")
                await use(b, "object_put", key="secret", value="ben's")
                self.assertEqual((await use(a, "object_get", key="secret"))["value"], "anna's")
                self.assertEqual((await use(b, "object_get", key="secret"))["value"], "ben's")
                for key in ("tenant/", "../", "/"):
                    self.assertEqual(
                        (await use(b, "object_list", prefix=key))["objects"], [])
        asyncio.run(both())

    def post(self, body, status, **headers):
        r = self.s.post("/mcp", body, headers={k.replace("_", "-"): v for k, v in headers.items()})
        self.assertEqual(r.status, status, (body, headers, r.body))
        return r

    META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}}

    def test_the_rules_of_the_transport(self):
        now = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/call",
               "Mcp_Name": "object_list"}
        body = ask(1, "tools/call", name="object_list", arguments={}, _meta=self.META)
        coded = "=?base64?" + base64.b64encode(b"object_list").decode() + "?="
        self.post(body, 200, **now)
        self.post(body, 200, **{**now, "Mcp_Name": coded})
        self.post(body, 200, **now, Accept="text/event-stream, application/json;q=0.5")
        for change in ({"Mcp_Name": "object_put"}, {"Mcp_Method": "tools/list"},
                       {"MCP_Protocol_Version": "2025-11-25"}, {"Mcp_Name": None}):
            r = self.post(body, 400, **{**now, **change})
            self.assertEqual(r.json["error"]["code"], -32020, change)
        head = self.s.head("POST", "/mcp", {k.replace("_", "-"): v for k, v in now.items()},
                           len(body))
        r = self.s.raw(head[:-2] + b"mcp-name: object_put\r\n\r\n" + body)
        self.assertEqual((r.status, r.json["error"]["code"]), (400, -32020))  # it stands twice
        self.post(body, 406, **now, Accept="text/html, text/event-stream")
        note = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
        self.assertEqual(self.post(note, 202).body, b"")
        self.post(note, 202, MCP_Protocol_Version="2025-06-18")
        self.post(note, 400, MCP_Protocol_Version="1999-01-01")
        self.post(ask(1, "nothing", _meta=self.META), 404, MCP_Protocol_Version="2026-07-28",
                  Mcp_Method="nothing")
        self.post(ask(1, "nothing"), 200)  # in the first era 404 says that a session has ended
        self.post(b"{", 400)
        self.post(b'{"jsonrpc":"2.0","id":1,"result":{}}', 400)
        self.assertEqual(self.post(b"[]", 400).json["error"]["code"], -32600)
        for method in ("GET", "DELETE", "PUT"):
            r = self.s.ask(method, "/mcp")
            self.assertEqual((r.status, r.headers["allow"]), (405, "POST, OPTIONS"))

    def test_what_strangers_send(self):
        body = call(1, "object_put", key="strange", value="x")
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"},
                        {"Host": "evil.example"}):
            for kind in ("application/json", "text/plain"):
                r = self.s.post("/mcp", body, headers={**headers, "Content-Type": kind})
                self.assertEqual(r.status, 403, headers)
        r = self.s.ask("OPTIONS", "/mcp", headers={"Origin": "https://evil.example"})
        self.assertNotIn("access-control-allow-origin", r.headers)
        r = self.s.post("/mcp", body, headers={"Authorization": "Bearer wrong"})
        self.assertEqual((r.status, r.json["error"]["code"]), (401, -32600))
        got = self.s.post("/mcp", call(2, "object_get", key="strange")).json["result"]
        self.assertTrue(got["isError"])  # none of them has done anything
        for name in (b"\xff", b"u" * 300):
            head = self.s.head("POST", "/mcp", {"Omnesia-User": "NAME"}, len(body))
            r = self.s.raw(head.replace(b"NAME", name) + body)
            self.assertEqual(r.status, 400)
            self.assertIn("Omnesia-User", r.json["error"]["message"])


if __name__ == "__main__":
    enter("mcp-venv", NEEDS)
    unittest.main()
