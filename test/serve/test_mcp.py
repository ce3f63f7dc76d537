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
    """A region and a data folder of this test's own, or those of a Server, and what has them."""

    def __init__(self, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="omnesia-mcp-")
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


async def memory(test, client):
    """What a client does with memory, whichever way it came."""
    first = await use(client, "memory_add", text="Ann moved to Oslo.", time="2023-05-08",
                      source="a letter")
    await use(client, "memory_add", text="The hare sleeps at noon.")
    found = await use(client, "memory_search", query="where did Ann move?", k=1)
    best = found["records"][0]
    test.assertEqual((best["id"], best["text"], best["source"], best["time"]),
                     (first["id"], "Ann moved to Oslo.", "a letter", "2023-05-08"))
    test.assertIn("not instructions", found["note"])
    await use(client, "memory_update", id=first["id"], text="Ann moved to Rome.", time="2024-01-01")
    versions = (await use(client, "memory_history", id=first["id"]))["versions"]
    test.assertEqual([v["text"] for v in versions], ["Ann moved to Oslo.", "Ann moved to Rome."])
    then = await use(client, "memory_search", query="Ann", as_of="2023-12-31")
    test.assertEqual(then["records"][0]["text"], "Ann moved to Oslo.")
    listed = await use(client, "memory_list", limit=1)
    rest = await use(client, "memory_list", after=listed["next"])
    test.assertEqual(len(listed["records"]) + len(rest["records"]), 2)
    test.assertEqual((await use(client, "memory_forget", id=first["id"]))["forgotten"], 1)
    gone = await client.call_tool("memory_get", {"id": first["id"]})
    test.assertTrue(gone.is_error)


class Stdio(unittest.TestCase):
    def test_every_era_has_the_tools(self):
        async def one(mode):
            with Place() as place:
                async with stdio(place, mode) as client:
                    version = client.session.protocol_version
                    self.assertEqual(version, "2025-11-25" if mode == "legacy" else "2026-07-28")
                    await objects(self, client)
                    await memory(self, client)
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

    def test_several_servers_on_one_store_lose_nothing(self):
        """A host starts one for each conversation, and sends without waiting for answers."""
        for servers, each in ((2, 10), (8, 50)):
            with Place() as place:
                running = [place.process("--user", "ann") for _ in range(servers)]
                for i, p in enumerate(running):
                    p.stdin.write(b"".join(call(n, "memory_add", text=f"record {i}-{n}",
                                                source=f"server {i}") + b"\n" for n in range(each)))
                    p.stdin.flush()
                for p in running:
                    p.stdin.close()
                said = [[json.loads(line) for line in p.stdout.read().splitlines()]
                        for p in running]
                for p in running:
                    p.stdout.close()
                    p.stderr.close()
                    self.assertEqual(p.wait(60), 0)
                ids = [o["result"]["structuredContent"]["id"] for out in said for o in out]
                self.assertTrue(all(not o["result"]["isError"] for out in said for o in out))
                self.assertEqual([[o["id"] for o in out] for out in said],
                                 [list(range(each))] * servers)
                out = place.talk(b"\n".join(
                    call(n, "memory_get", id=n) for n in ids), "--user", "ann")
                kept = {o["result"]["structuredContent"]["record"]["text"] for o in out}
                self.assertEqual(kept, {f"record {i}-{n}" for i in range(servers)
                                        for n in range(each)})
                print(f"{len(kept)} of {servers * each} kept, by {servers} servers")
                other = place.talk(call(1, "memory_list"), "--user", "ben")[0]["result"]
                self.assertEqual(other["structuredContent"]["records"], [])

    def test_what_was_answered_survives_kill_9(self):
        with Place() as place:
            p = place.process()
            for n in range(20):
                p.stdin.write(call(n, "memory_add", text=f"kept {n}") + b"\n")
            p.stdin.flush()
            ids = [json.loads(p.stdout.readline())["result"]["structuredContent"]["id"]
                   for _ in range(10)]
            p.kill()
            p.communicate()
            out = place.talk(b"\n".join(call(n, "memory_get", id=n) for n in ids))
            self.assertEqual([o["result"]["structuredContent"]["record"]["text"] for o in out],
                             [f"kept {n}" for n in range(10)])

    def test_without_memory_there_are_objects(self):
        with Place() as place:
            out = place.talk(ask(1, "tools/list"), "--no-memory")
            names = [t["name"] for t in out[0]["result"]["tools"]]
            self.assertTrue(names and all(n.startswith(("object_", "fleet_")) for n in names))
            self.assertFalse(os.path.exists(place.folder + "/data/memory.db"))

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
            async with http(self.s, mode, {"Authorization": "Bearer key-of-anna-1",
                                           "Omnesia-User": mode}) as client:
                await objects(self, client)
                await memory(self, client)
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

    def remembered(self, key=None, user=None, agent=None):
        headers = {"Authorization": f"Bearer {key}" if key else None, "Omnesia-User": user,
                   "Omnesia-Agent": agent}
        r = self.s.post("/mcp", call(1, "memory_list"), headers={k: v for k, v in headers.items()
                                                                 if v})
        return [x["text"] for x in json.loads(r.json["result"]["content"][0]["text"])["records"]]

    def test_a_scope_is_the_keys_and_the_heads_and_never_a_messages(self):
        add = call(1, "memory_add", text="only of anna's carol, told to a1")
        self.s.post("/mcp", add, headers={"Omnesia-User": "carol", "Omnesia-Agent": "a1"})
        self.assertEqual(len(self.remembered(user="carol")), 1)
        self.assertEqual(len(self.remembered(user="carol", agent="a1")), 1)
        self.assertEqual(self.remembered(user="carol", agent="a2"), [])
        self.assertEqual(self.remembered(user="dave"), [])
        self.assertEqual(self.remembered(), [])  # who has the key, without a name
        self.assertEqual(self.remembered(key="key-of-ben-22", user="carol"), [])
        for name in ("user", "tenant", "agent", "run", "scope"):
            r = self.s.post("/mcp", call(1, "memory_list", **{name: "carol"})).json["result"]
            self.assertTrue(r["isError"])
            self.assertIn(name, r["content"][0]["text"])

    def test_lines_and_paths_have_one_memory(self):
        from server import Server
        with Place() as place, Server("--ctx", "64", "--no-memory") as without, \
                Server("--ctx", "64", "--user", "ann") as s:
            tools = json.dumps(without.post("/mcp", ask(1, "tools/list")).json)
            self.assertNotIn("memory_add", tools)
            store = s.folder + "/data/memory.db"
            place.talk(call(1, "memory_add", text="told on a line"), "--user", "ann", "--store",
                       store)
            r = s.post("/mcp", call(1, "memory_search", query="told")).json["result"]
            self.assertIn("told on a line", r["content"][0]["text"])

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
