# SPDX-License-Identifier: Apache-2.0
"""test/agent/doors.py - every way to the records of a store, and a hand for each of them.

The tables say of each function of omnesia.h, each command and verb, each tool and each route what a
hand here does with it, or why it needs none. test/agent/test_doors.py compares them with what there
is: what nobody has entered fails there.

A hand takes a Scope and gives what its door gives: ids, texts, lists of (id, text), None where the
door says that there is no such record. Standard library only.
"""
import ctypes
import json
import os
import subprocess
from collections import namedtuple
from ctypes import POINTER, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_void_p
from pathlib import Path

PROGRAM, SOURCE = os.environ["OMNESIA_PROGRAM"], Path(os.environ["OMNESIA_SOURCE"])
Scope = namedtuple("Scope", "tenant user agent run")

# Functions of omnesia.h that take records, or whoever asks for them.
FUNCTIONS = {
    "mn_mem_open": "opens a store: of nobody yet", "mn_mem_close": "closes it",
    "mn_mem_add": ["add"], "mn_mem_find": ["search", "list", "get", "history"],
    "mn_mem_recall": ["recall"], "mn_mem_update": ["update"],
    "mn_mem_forget": ["forget", "forget_source"],
    "mn_mem_embed": "makes vectors, and tells how many",
    "mn_mem_unknown": "asks mn_mem_find for a name, tells a number: test/api/test_mem_unknown.c",
    "mn_mem_topic": ["topic"], "mn_mem_import": ["carry_in"], "mn_mem_export": ["carry_out"],
    "mn_mem_migrate": "moves all of a store, of nobody in particular: test/agent/test_migrate.c",
    "mn_task_do": ["plan"],
}
# Commands: those that reach records, and the verbs of `mem`.
COMMANDS = {"mem": "its verbs are below", "task": "the verbs of plans are below",
            "write": "asks mn_task_do, to write what a model says: test/agent/test_l2mac.c",
            "mcp": "its tools are below", "serve": "its routes are below",
            "chat": "asks mn_mem_recall and mn_mem_add: test/cli/test_chat.c"}
OTHER_COMMANDS = ("run batch demo explain region top put get watch del commit ls pull models "
                  "inspect fleet tokenize embed perplexity bench doctor help").split()
VERBS = {
    "add": ["add"], "search": ["search"], "get": ["get"], "update": ["update"],
    "history": ["history"], "forget": ["forget", "forget_source"], "list": ["list"],
    "export": ["carry_out"], "import": ["carry_in"],
    "ask": "asks mn_mem_recall, and a model answers from that: test/cli",
    "reembed": "makes vectors, and tells how many",
    "migrate": "moves all of a store, of nobody in particular: test/agent/test_migrate.c",
    "organise": "makes records of records, of each user's for that user: test/agent/test_org.c",
}
TOOLS = {
    "memory_add": ["add"], "memory_search": ["search"], "memory_get": ["get"],
    "memory_update": ["update"], "memory_forget": ["forget", "forget_source"],
    "memory_history": ["history"], "memory_list": ["list"],
}
ROUTES = {
    "POST /mcp": "the tools", "POST /v1/memories": ["add"], "GET /v1/memories": ["list"],
    "DELETE /v1/memories": ["forget_source"], "POST /v1/memories/search": ["search"],
    "GET /v1/memories/*": ["get"], "GET /v1/memories/*/history": ["history"],
    "PATCH /v1/memories/*": ["update"], "DELETE /v1/memories/*": ["forget"],
    "GET /v1/memories/export": ["carry_out"], "GET /v1/memories/overview": ["count"],
    "GET /v1/tasks": ["plan"], "GET /v1/tasks/*": ["plan"],
    "POST /v1/chat/completions": "with --remember by mn_mem_recall and mn_mem_add: test/serve",
    "POST /v1/responses": "the same", "POST /v1/messages": "the same",
}
# What may be done to plans, and with which arguments; those with an id may name another's.
PLANS = {"new": "slot text", "step": "parent slot text", "update": "id text", "done": "id text",
         "fail": "id text", "rollback": "id", "replace": "id slot text", "prompt": "id",
         "show": "id", "list": "", "say": "text"}
# Verbs that are programs of this machine alone.
LOCAL_PLANS = {"write": "goes on with a tree of its own, of who asks: test/agent/test_l2mac.c"}
OTHER_ROUTES = """GET /|GET /page/*|GET /health|GET /metrics|GET /openapi.json|GET /api/state|
GET /v1/models|GET /v1/models/*|POST /v1/completions|POST /v1/embeddings|
POST /v1/messages/count_tokens|POST /v1/files|GET /v1/files|
GET /v1/files/*/content|GET /v1/files/*|DELETE /v1/files/*|POST /v1/batches|GET /v1/batches|
GET /v1/batches/*|POST /v1/batches/*/cancel|POST /v1/fleet|POST /tokenize|POST /detokenize|
POST /apply-template""".replace("\n", "")


class NoRecord(Exception):
    """The door says that there is none."""


class Refused(Exception):
    """A plan does not allow it."""


def refusal(said):
    if "there is no record" in said or "there is no task" in said:
        return NoRecord(said)
    return Refused(said)


# ---- C -------------------------------------------------------------------------------------------
class COptions(ctypes.Structure):
    _fields_ = [("region", c_void_p), ("model", c_char_p), ("durable", c_int),
                ("organise", c_char_p), ("background", c_int), ("pull", c_int),
                ("report", c_void_p), ("user", c_void_p), ("tell", c_void_p),
                ("tell_user", c_void_p)]


class CScope(ctypes.Structure):
    _fields_ = [(n, c_char_p) for n in ("tenant", "user", "agent", "run")]


class CRecord(ctypes.Structure):
    _fields_ = [("id", c_int64), ("text", c_char_p), ("n", c_size_t)] + \
        [(n, c_char_p) for n in ("time", "session", "speaker", "ref", "source", "kind", "agent",
                                 "run", "meta")] + \
        [(n, c_int64) for n in ("from_", "until", "created", "expired")] + [("score", c_double)]


class CFind(ctypes.Structure):
    _fields_ = [("query", c_char_p), ("k", c_int32), ("budget", c_int32), ("as_of", c_char_p),
                ("id", c_int64), ("after", c_int64)] + \
        [(n, c_char_p) for n in ("session", "source", "ref", "kind", "apart")] + \
        [("versions", c_int32), ("newest", c_int32)] + \
        [(n, c_char_p) for n in ("value", "key", "times", "rank")]


class CCarry(ctypes.Structure):
    _fields_ = [(n, c_int64) for n in ("added", "there", "wrong", "skipped")]


EACH = ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(CRecord))


def text(value):
    return value.encode() if value is not None else None


class C:
    """omnesia.h: any tenant, and any agent."""
    name, does = "omnesia.h", {n for names in FUNCTIONS.values() if isinstance(names, list)
                               for n in names}

    def __init__(self, library, store, planted):
        self.lib, self.planted = ctypes.CDLL(library), planted
        self.lib.mn_mem_forget.restype = self.lib.mn_mem_export.restype = c_int64
        self.lib.mn_error_detail.restype = c_char_p
        self.mem = c_void_p()
        self.ok(self.lib.mn_mem_open(text(store), ctypes.byref(COptions(model=b"none")),
                                     ctypes.byref(self.mem)))

    def takes(self, scope):
        return True

    def ok(self, rc):
        if rc >= 0:
            return rc
        raise refusal(self.lib.mn_error_detail().decode())

    def scope(self, s):
        return ctypes.byref(CScope(*(text(x) for x in s)))

    def find(self, s, call=None, **what):
        found = []
        if self.planted and "query" in what:
            s = s._replace(agent=None)  # a search that does not ask whose it is
        each = EACH(lambda _, r: found.append((r[0].id, ctypes.string_at(
            r[0].text, r[0].n).decode())) or 0)
        self.ok(self.lib.mn_mem_find(self.mem, self.scope(s), ctypes.byref(CFind(**what)), each,
                                     None))
        return found

    def add(self, s, words, source):
        record, i = CRecord(text=text(words), n=len(text(words)), source=text(source)), c_int64()
        self.ok(self.lib.mn_mem_add(self.mem, self.scope(s), ctypes.byref(record), c_size_t(1),
                                    ctypes.byref(i)))
        return i.value

    def search(self, s, query):
        return self.find(s, query=text(query), k=1000)

    def list(self, s):
        return self.find(s)

    def get(self, s, i):
        return self.find(s, id=i)[0][1]

    def history(self, s, i):
        return [t for _, t in self.find(s, id=i, versions=1)]

    def update(self, s, i, words):
        record = CRecord(text=text(words), n=len(text(words)))
        self.ok(self.lib.mn_mem_update(self.mem, self.scope(s), c_int64(i), ctypes.byref(record)))

    def forget(self, s, i):
        return self.ok(self.lib.mn_mem_forget(self.mem, self.scope(s),
                                              ctypes.byref(CFind(id=i)), 0))

    def forget_source(self, s, source):
        return self.ok(self.lib.mn_mem_forget(self.mem, self.scope(s),
                                              ctypes.byref(CFind(source=text(source))), 0))

    def forget_all(self, s):
        return self.ok(self.lib.mn_mem_forget(self.mem, self.scope(s), ctypes.byref(CFind()), 1))

    def recall(self, s, query):
        out = c_void_p()
        self.ok(self.lib.mn_mem_recall(self.mem, self.scope(s),
                                       ctypes.byref(CFind(query=text(query), k=1000)),
                                       ctypes.byref(out), None, None))
        said = ctypes.string_at(out.value).decode() if out.value else ""
        self.lib.mn_free_text(out)
        return said

    def topic(self, s):
        key = ctypes.create_string_buffer(256)
        self.ok(self.lib.mn_mem_topic(self.scope(s), key))
        return key.value.decode()

    def plan(self, s, verb, **arguments):
        out = c_void_p()
        call = json.dumps({"do": verb, **arguments})
        self.ok(self.lib.mn_task_do(self.mem, self.scope(s), text(call), ctypes.byref(out)))
        said = ctypes.string_at(out.value).decode()
        self.lib.mn_free_text(out)
        return said

    def carry_in(self, s, path):
        done = CCarry()
        self.ok(self.lib.mn_mem_import(self.mem, self.scope(s), text(path), None, None, None, None,
                                       ctypes.byref(done)))
        return done.added

    def carry_out(self, s, path):
        return self.ok(self.lib.mn_mem_export(self.mem, self.scope(s), text(path), b"jsonl", None))

    def close(self):
        self.lib.mn_mem_close(ctypes.byref(self.mem))


# ---- the command line ----------------------------------------------------------------------------
class Cli:
    """`omnesia mem`: users of this machine, who have no tenant."""
    name, does = "omnesia mem", {"plan"} | {n for names in VERBS.values()
                                            if isinstance(names, list) for n in names}

    def __init__(self, store):
        self.store = store

    def takes(self, scope):
        return not scope.tenant

    def say(self, s, *words):
        command = [PROGRAM, *words, "--store", self.store, "--json", "--user", s.user]
        for name in ("agent", "run"):
            if getattr(s, name):
                command += ["--" + name, getattr(s, name)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise refusal(done.stderr)
        return done.stdout

    def run(self, s, *words):
        return json.loads(self.say(s, "mem", *words, "--embedder", "none", "--region", "none"))

    def plan(self, s, verb, **arguments):
        return self.say(s, "task", verb, *[str(arguments[a]) for a in PLANS[verb].split()])

    def found(self, s, *words):
        return [(r["id"], r["text"]) for r in self.run(s, *words)["results"]]

    def add(self, s, words, source):
        return self.run(s, "add", words, "--source", source)["id"]

    def search(self, s, query):
        return self.found(s, "search", query, "-k", "1000")

    def list(self, s):
        return self.found(s, "list")

    def get(self, s, i):
        return self.found(s, "get", str(i))[0][1]

    def history(self, s, i):
        return [t for _, t in self.found(s, "history", str(i))]

    def update(self, s, i, words):
        self.run(s, "update", str(i), words)

    def forget(self, s, i):
        return self.run(s, "forget", str(i))["forgotten"]

    def forget_source(self, s, source):
        return self.run(s, "forget", "--source", source)["forgotten"]

    def carry_in(self, s, path):
        return self.run(s, "import", path, "--no-embed")["added"]

    def carry_out(self, s, path):
        return self.run(s, "export", path, "--format", "jsonl")["exported"]

    def close(self):
        pass


# ---- tools ---------------------------------------------------------------------------------------
class Tools:
    """What both ways to the tools have in common; `ask` sends a message and takes the answer."""
    does = {"plan"} | {n for names in TOOLS.values() for n in names}

    def use(self, s, tool, **arguments):
        result = self.ask(s, {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                              "params": {"name": tool, "arguments": arguments}})["result"]
        said = result["content"][0]["text"]
        if result["isError"]:
            raise refusal(said)
        return json.loads(said)

    def plan(self, s, verb, **arguments):
        return json.dumps(self.use(s, "task_" + verb, **arguments), ensure_ascii=False)

    def pages(self, s, tool, name, **arguments):
        found, after = [], 0
        while after is not None:
            page = self.use(s, tool, budget=20000, after=after, **arguments)
            found += [(r["id"], r["text"]) for r in page[name]]
            after = page.get("next")
        return found

    def add(self, s, words, source):
        return self.use(s, "memory_add", text=words, source=source)["id"]

    def search(self, s, query):
        return self.pages(s, "memory_search", "records", query=query, k=100)

    def list(self, s):
        return self.pages(s, "memory_list", "records", limit=50)

    def get(self, s, i):
        return self.use(s, "memory_get", id=i)["record"]["text"]

    def history(self, s, i):
        return [t for _, t in self.pages(s, "memory_history", "versions", id=i)]

    def update(self, s, i, words):
        self.use(s, "memory_update", id=i, text=words)

    def forget(self, s, i):
        return self.use(s, "memory_forget", id=i)["forgotten"]

    def forget_source(self, s, source):
        return self.use(s, "memory_forget", source=source)["forgotten"]


class Lines(Tools):
    """`omnesia mcp`: one process for each scope, which stays."""
    name = "omnesia mcp"

    def __init__(self, store, folder):
        self.store, self.folder, self.running = store, folder, {}

    def takes(self, scope):
        return not scope.tenant

    def ask(self, s, message):
        if s not in self.running:
            command = [PROGRAM, "mcp", "--store", self.store, "--region", self.folder + "/region",
                       "--user", s.user]
            for name in ("agent", "run"):
                if getattr(s, name):
                    command += ["--" + name, getattr(s, name)]
            self.running[s] = subprocess.Popen(command, stdin=subprocess.PIPE,
                                               stdout=subprocess.PIPE,
                                               stderr=subprocess.DEVNULL, text=True)
        p = self.running[s]
        p.stdin.write(json.dumps(message) + "\n")
        p.stdin.flush()
        return json.loads(p.stdout.readline())

    def close(self):
        for p in self.running.values():
            p.stdin.close()
            p.stdout.close()
            assert p.wait(30) == 0


class Http(Tools):
    """POST /mcp: the tenant is the key's, the rest is in the head."""
    name = "POST /mcp"

    def __init__(self, server, keys):
        self.server, self.keys = server, keys  # {tenant: key}

    def takes(self, scope):
        return scope.tenant in self.keys

    def ask(self, s, message):
        names = {"Omnesia-User": s.user, "Omnesia-Agent": s.agent, "Omnesia-Run": s.run}
        reply = self.server.post("/mcp", message, headers={
            "Authorization": "Bearer " + self.keys[s.tenant],
            **{k: v for k, v in names.items() if v}})
        assert reply.status == 200, reply.body
        return reply.json

    def close(self):
        pass


class Memories(Http):
    """/v1/memories and /v1/tasks, by the same keys and names."""
    name = "/v1/memories"
    does = {n for names in ROUTES.values() if isinstance(names, list) for n in names}

    def send(self, s, method, path, body=None, at="/v1/memories"):
        names = {"Omnesia-User": s.user, "Omnesia-Agent": s.agent, "Omnesia-Run": s.run}
        reply = self.server.ask(method, at + path, body, headers={
            "Authorization": "Bearer " + self.keys[s.tenant],
            **{k: v for k, v in names.items() if v}})
        if reply.status == 404:
            raise NoRecord(reply.body.decode())
        assert reply.status == 200, (reply.status, reply.body)
        return reply

    def read(self, s, path, ask="?", body=None):
        found, after = [], 0
        while after is not None:
            if body:
                page = self.send(s, "POST", path, {**body, "after": after, "budget": 20000}).json
            else:
                page = self.send(s, "GET", f"{path}{ask}after={after}&budget=20000").json
            found += [(r["id"], r["text"]) for r in page["results"]]
            after = page.get("next")
        return found

    def add(self, s, words, source):
        said = self.send(s, "POST", "", {"text": words, "source": source}).json
        return said["ids"][0]

    def search(self, s, query):
        return self.read(s, "/search", body={"query": query, "k": 100})

    def list(self, s):
        return self.read(s, "", "?limit=50&")

    def get(self, s, i):
        return self.send(s, "GET", f"/{i}").json["text"]

    def history(self, s, i):
        return [t for _, t in self.read(s, f"/{i}/history")]

    def update(self, s, i, words):
        self.send(s, "PATCH", f"/{i}", {"text": words})

    def forget(self, s, i):
        return self.send(s, "DELETE", f"/{i}").json["forgotten"]

    def forget_source(self, s, source):
        return self.send(s, "DELETE", "?source=" + source).json["forgotten"]

    def plan(self, s, verb, **arguments):
        """Here plans are looked at; what changes them are tools."""
        if verb not in ("show", "list"):
            return super().plan(s, verb, **arguments)
        path = f"/{arguments['id']}" if verb == "show" else ""
        return self.send(s, "GET", path, at="/v1/tasks").body.decode()

    def count(self, s):
        return self.send(s, "GET", "/overview").json["records"]

    def carry_out(self, s, path):
        Path(path).write_bytes(self.send(s, "GET", "/export").body)
