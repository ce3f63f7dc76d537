#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/fake_skill.py KIND [HOW SECONDS WORD ..] - a skill program that behaves, or does not,
over standard streams.

KIND says how it begins: now, 2024-11-05 to 2025-11-25 (that one alone), dies, silent, foreign,
foreign-old, older, pages, loop, bad-tools, no-tools, no-list, mute, chatty. What "work" does is
said by its argument `how`. With words it has a skill for each, which says that it makes
is(thing, WORD) in so many seconds and does HOW; and "inspect", which sees what is true: the files
THING.WORD in the folder FAKE_TRUTH, which "well" makes; of the bench, a WORDpart for each word.
Standard library only.
"""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

KIND, HOW, WORDS = sys.argv[1], "".join(sys.argv[2:3]), sys.argv[4:]
META = "io.modelcontextprotocol/"
NOW = "2026-07-28"
WORK = {"name": "work", "description": "Do as it is told.",
        "inputSchema": {"type": "object", "properties": {"how": {"type": "string"}}},
        "_meta": {"omnesia/skill": {"needs": ["free(robot)"], "seconds": 0.1, "limit": 2}}}
THING = {"type": "object", "required": ["thing"], "properties": {"thing": {"type": "string"}}}
SHELF = [WORK] if not WORDS else [{"name": "inspect", "inputSchema": THING}] + [
    {"name": word, "inputSchema": THING, "_meta": {"omnesia/skill": {
        "makes": [f"is(thing, {word})"], "seconds": float(sys.argv[3]),
        "limit": float(sys.argv[3]) + 5, "verify": True}}} for word in WORDS]
more = []  # tools that came later
listening = None


def say(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def answer(id, result):
    if now:
        result = {"resultType": "complete", **result}
    say({"id": id, "result": result})


def error(id, code, message, data=None):
    say({"id": id, "error": {"code": code, "message": message, **({"data": data} if data else {})}})


def done(id, ok=True, code=None, text="", **rest):
    answer(id, {"content": [{"type": "text", "text": text}], "isError": not ok,
                "structuredContent": {"ok": ok, "code": code, "text": text, **rest}})


def wait_for_cancel(id):
    while True:
        m = hear()
        if m.get("method") == "notifications/cancelled" and m["params"]["requestId"] == id:
            return


def changed():
    more.append({"name": "later", "inputSchema": {"type": "object"}})
    say({"method": "notifications/tools/list_changed",
         "params": {"_meta": {META + "subscriptionId": listening}}})


def truth(thing, word):
    return Path(os.environ["FAKE_TRUTH"], f"{thing}.{word}")


def work(id, how, meta):
    if how == "well":
        done(id, text="it is done", seen=[{"class": "cup"}])
    elif how == "lies":
        done(id, text="trust me")
    elif how == "fail":
        done(id, False, "dropped", "it slipped")
    elif how == "odd code":
        done(id, False, "no such code!", "what")
    elif how == "text":
        answer(id, {"content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]})
    elif how == "json text":
        answer(id, {"content": [{"type": "text", "text": '{"ok": false, "code": "blocked", '
                                                         '"text": "a chair"}'}]})
    elif how == "error":
        answer(id, {"isError": True, "content": [{"type": "text", "text": "no way"}]})
    elif how == "rpc error":
        error(id, -32000, "the arm is off")
    elif how == "rpc arguments":
        error(id, -32602, "how: never heard of it")
    elif how == "bad ok":
        answer(id, {"structuredContent": {"ok": "yes"}})
    elif how == "bad seen":
        answer(id, {"structuredContent": {"ok": True, "seen": 7}})
    elif how == "bad content":
        answer(id, {"content": "well"})
    elif how == "no result":
        say({"id": id})
    elif how == "input":
        answer(id, {"resultType": "input_required"})
    elif how == "progress":
        for i in range(1, 4):
            say({"method": "notifications/progress",
                 "params": {"progressToken": meta["progressToken"], "progress": i, "total": 4}})
        say({"method": "notifications/progress", "params": {"progressToken": 99, "progress": 1}})
        time.sleep(0.05)
        done(id)
    elif how in ("patient", "late"):
        wait_for_cancel(id)
        done(id, False, "cancelled", "as you like")
    elif how == "just in time":
        wait_for_cancel(id)
        done(id, text="it was done already")
    elif how == "deaf":
        while True:
            time.sleep(60)
    elif how == "deaf child":
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        with open(os.environ["FAKE_PID"], "w") as f:
            f.write(f"{os.getpid()} {child.pid}\n")
        time.sleep(600)
    elif how == "exit":
        print("something about a bearing", file=sys.stderr)
        print("the motor is on fire", file=sys.stderr)
        sys.stderr.flush()
        os._exit(3)
    elif how == "limits":
        done(id, text=" ".join(f"{name}: {Path('/proc/self', file).read_text()}" for name, file in
                               (("score", "oom_score_adj"), ("limits", "limits"))))
    elif how == "eats":
        eaten = [b"x" * (1 << 20) for _ in range(1000)]  # and the machine lives when nobody minds
        done(id, text=f"I have {len(eaten)} MB")
    elif how == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "answer and exit":
        done(id, text="goodbye")
        os._exit(0)
    elif how == "close":
        os.close(1)
        time.sleep(600)
    elif how == "garbage":
        print("debug: now I grasp \x1b[31m\xff")
        done(id)
    elif how == "binary":
        os.write(1, bytes(range(256)) * 8 + b"\n")
        done(id)
    elif how == "huge":
        os.write(1, b"x" * (3 << 20))
        done(id)
    elif how == "flood":
        while True:
            say({"method": "notifications/message", "params": {"data": "x" * 1000}})
    elif how == "wrong id":
        done(id + 1000)
    elif how == "text id":
        done(str(id))
    elif how == "null id":
        error(None, -32700, "I do not read that")
    elif how == "no version":
        sys.stdout.write(json.dumps({"id": id, "result": {}}) + "\n")
        sys.stdout.flush()
    elif how == "old answer":
        answer(1, {})
        done(id, text="after all")
    elif how == "batch":
        sys.stdout.write(json.dumps([
            {"jsonrpc": "2.0", "method": "notifications/message", "params": {}},
            {"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": "b"}]}},
        ]) + "\n\n \n")
        sys.stdout.flush()
    elif how == "change":
        changed()
        done(id)
    elif how == "ask":
        say({"id": "mine", "method": "ping"})
        pong = hear()
        say({"id": "mine2", "method": "sampling/createMessage", "params": {}})
        no = hear()
        done(id, text=f"{pong['id']} {pong['result']} {no['id']} {no['error']['code']}")
    elif how == "words":
        sys.stderr.write("x" * 300000)
        done(id)
    else:
        error(id, -32602, f"how: {how}")


def call(id, params):
    args, name = params["arguments"], params["name"]
    if name == "work":
        return work(id, args.get("how"), params.get("_meta", {}))
    if name == "inspect":
        things = [f"{w}part" for w in WORDS] if args["thing"] == "bench" else [args["thing"]]
        return done(id, seen=[{"name": t, "is": {w: truth(t, w).exists() for w in WORDS}}
                              for t in things])
    if HOW == "well":
        truth(args["thing"], name).touch()
        return done(id, text="it is done")
    work(id, HOW, params.get("_meta", {}))


def tools(id, params):
    global more
    if KIND == "no-list":
        answer(id, {})
    elif KIND == "no-tools":
        error(id, -32603, "the shelf is locked")
    elif KIND == "bad-tools":
        answer(id, {"tools": [{"name": "a b", "inputSchema": {}}, WORK, 7]})
    elif KIND == "loop":
        answer(id, {"tools": [WORK], "nextCursor": "again"})
    elif KIND == "pages":
        at = int(params.get("cursor") or 0)
        page = {"tools": [{"name": f"s{at}", "inputSchema": {"type": "object"}}]}
        answer(id, {**page, **({"nextCursor": str(at + 1)} if at < 4 else {})})
    else:
        answer(id, {"tools": SHELF + more})


def main():
    global now, listening
    now = False
    if KIND == "chatty":
        print("Welcome to my skill!")
    while True:
        m = hear()
        method, id, params = m.get("method"), m.get("id"), m.get("params") or {}
        era = params.get("_meta", {}).get(META + "protocolVersion")
        if KIND == "mute":
            continue
        if method == "server/discover":
            assert id is not None and META + "clientCapabilities" in params["_meta"]
            if KIND == "foreign":
                error(id, -32022, "no", {"supported": ["2031-01-01", "2032-02-02"]})
            elif KIND == "dies":
                print("KeyError: server/discover", file=sys.stderr)
                sys.exit(1)
            elif KIND == "silent":
                pass
            elif KIND == "older":
                now = True
                answer(id, {"supportedVersions": ["2025-11-25", "2025-06-18"], "capabilities": {}})
                now = False
            elif KIND[:2] == "20" or KIND == "foreign-old":
                error(id, -32601, "no such method")
            else:
                now = True
                answer(id, {"supportedVersions": [NOW, "2025-11-25"],
                            "capabilities": {"tools": {"listChanged": True}}})
        elif method == "initialize":
            assert params["protocolVersion"] == "2025-11-25"
            version = KIND if KIND[:2] == "20" else "2025-11-25"
            answer(id, {"protocolVersion": "1999-01-01" if KIND == "foreign-old" else version,
                        "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}})
        elif method == "subscriptions/listen":
            listening = id
            say({"method": "notifications/subscriptions/acknowledged",
                 "params": {"notifications": params["notifications"]}})
        elif now and era != NOW:
            error(id, -32022, "which version?", {"supported": [NOW]})
        elif method == "tools/list":
            tools(id, params)
        elif method == "tools/call":
            call(id, params)
        elif id is not None:
            error(id, -32601, method)


main()
