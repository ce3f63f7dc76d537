#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes corpora of test/fuzz/corpus: fleet_board, what another process may leave on the board of a
fleet; fleet_redis, what a Redis may say to it; fleet_ros2 and fleet_cdr, what ROS may; far, values
of the remote tier.

They are seeds for the fuzzer and are replayed by `make test`; the forms are in fuzz_NAME.c.
Finds of the fuzzer are added to the folder by hand and stay there; this script only rewrites the
files it makes.
"""
import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"


def text(**fields):
    return json.dumps(fields, separators=(",", ":"))


def step(**fields):
    return {"id": "s1", "robot": "arm", "skill": "grasp", "args": {"thing": "apple"}, "after": [],
            "seconds": 2, "state": "waiting", "tries": 0, **fields}


def task(name, **fields):
    return f"task/{name}\t" + text(**{"id": name, "text": "put the apple on the table",
                                      "by": "me", "planner": "rules", "state": "running",
                                      "goals": [{"on": ["apple", "table"]}], "replans": 0,
                                      "replanned": 0, "failed_subtree": 0, **fields})


def call(**fields):
    return "call/arm\t" + text(**{"task": "t1", "step": "s1", "try": 1, "skill": "grasp",
                                  "args": {"thing": "apple"}, "limit": 5, **fields})


def wait(n):
    return [""] * n


BOARDS = {
    "nothing": wait(2),
    "task": ['ask/t1\t{"text":"put the cup on the table","by":"me","confirm":false}', *wait(12)],
    "ask_is_garbage": ['ask/t1\t{"text":7,"by":[],"confirm":"no"}', "ask/t2\tnothing",
                       "ask/t3\t{}", 'ask/t99999999999999999999\t{"text":"put the cup away"}',
                       *wait(3)],
    "things": ['thing/cup\t{"class":"cup","kind":"object","at":"cup","how":"on"}',
               'thing/apple\t{"class":3,"kind":"door","at":"","joins":["kitchen"]}',
               'thing/table\t{"kind":"furniture","at":"nowhere","room_for":-5,'
               '"size":[1e308,-1,0],"pose":{"p":[1e309,0,0]}}',
               'thing/kitchen\t{"kind":"room","size":"big"}', "thing/\t{}", "thing/a/b\t{}",
               'ask/t1\t{"text":"put the cup on the table","by":"me"}', *wait(4)],
    "circle": ['thing/bowl\t{"class":"bowl","kind":"object","at":"box"}',
               'thing/box\t{"class":"box","kind":"object","at":"bowl"}',
               'holds/bowl\t{"holds":["box"]}', 'holds/box\t{"holds":["bowl"]}',
               'ask/t1\t{"text":"put the bowl on the table"}', *wait(3)],
    "lists": ['holds/table\t{"holds":["cup","cup","cup"]}', 'holds/arm\t{"holds":[1,null,"arm"]}',
              "holds/fridge\t[]", 'holds/nothing\t{"holds":["apple"]}',
              'holds/counter\t{"holds":"all"}', *wait(2)],
    "leases": ['lease/arm\t{"epoch":-1}',
               'lease/ghost\t{"epoch":1,"pid":1,"machine":"","life":"x"}', "lease/dual\tgarbage",
               'lease/carrier\t{"epoch":1e300,"pid":-1,"life":7}', *wait(8)],
    "robots": ['robot/arm\t{"format":1,"body":7,"hands":[1,2,3,4,5,6],'
               '"skills":[{"name":"grasp"},7],"speed":-1}', 'robot/dual\t{"format":2}',
               'robot/carrier\t{"format":1,"body":"wheels","speed":1e300,"room_for":-1,'
               '"skills":"all","home":"far","lost":true}', *wait(2)],
    "states": [b"state/arm\t\x01\0\0\0garbage", b"state/dual\t" + bytes(400),
               b"state/carrier\t\x01\0\0\0" + b"\xff" * 300, 'lease/carrier\t{"epoch":1}',
               *wait(4)],
    "calls": [call(state="given", limit=1e300), "",
              call(state="running", args=7, limit=-1, lease=-3), "",
              'call/arm\t{"state":"cancel"}', "", "call/arm\tx", "", "call/arm", ""],
    "call": [call(state="given", skill="wait", args={"seconds": 0.5}), *wait(4),
             call(state="given", step="s2"), *wait(4)],
    "tasks": [task("t1", steps=[step(), step(id="s2", after=["s1"]),
                                step(id="s3", after=["s3"])], goals=[]), "",
              task("t2", id="t3", text=5, steps={}, goals=7),
              task("t4", state="planning", steps=[7, None, []], replans=-1), "",
              task("t5", state="odd", steps=[step(robot="ghost", skill="fly", state="given",
                                                  tries=1e9)]), *wait(2)],
    "task_runs": [task("t1", confirm=True, steps=[step(state="running", begun=1, since=1)]),
                  call(state="running"), *wait(5), 'confirm/t1\t{"steps":["s1"]}', *wait(2)],
    "stops": ['stop\t{"robots":"all","by":7}', "", 'stop\t{"robots":["arm",7,null]}', "",
              "stop\tgarbage", "", "stop", ""],
    "brain": ['brain\t{"pid":1}', "", "brain\tx", "", "brain", *wait(2)],
    "bridge": ['bridge/self\t{"machine":"here","life":5,"epoch":9}', "", "bridge/self\tx", "",
               'bridge/thing/cup\t["thing/cup",0,1,"there",1]',
               'bridge/thing/apple\t{"at":["thing/apple",0,1,"there",1]}',
               'bridge/from/arm\t{"from":"there","task":"t1","step":"s1","try":1}',
               'thing/cup\t{"class":"cup","kind":"object","at":"table","home":"there"}', *wait(2)],
    "events": ['events\t{"t":1,"kind":"moved","thing":"cup","from":"table","to":"arm",'
               '"robot":"arm"}', "events\tgarbage", 'events\t{"t":"x","kind":7,"thing":[]}',
               'events\t{"t":1e300,"kind":"moved","thing":"cup"}', "events\t[]", "events\t",
               *wait(2)],
    "letters": ['letter/x\t{"do":"cancel","task":"t1","until":99999999999}', "letter/y\tgarbage",
                'letter/z\t{"do":7,"task":[],"until":99999999999,"answer":7}', *wait(3)],
    "names": [f"{kind}/{name}\t{{}}" for kind in (
        "letter", "ask", "task", "lease", "confirm", "call", "robot", "state", "holds", "thing")
              for name in ("a/b", "", "a" * 108, "a\x01b")] + wait(3),
    "gone": ["robot/arm", "lease/arm", "state/arm", "thing/cup", "thing/table", "holds/table", "",
             "thing/kitchen", *wait(2)],
    "foreign": ['thing/cup\t{"format":2}', 'robot/arm\t{"format":9}', 'task/t1\t{"format":"x"}',
                'call/arm\t{"format":2}', 'stop\t{"format":2}', *wait(2)],
    "truth": ["sim/thing/cup\tx", 'sim/holds/table\t{"holds":7}',
              'sim/robot/arm\t{"battery":"full"}', 'sim/failures\t{"failures":[{"skill":7}]}',
              "sim/state/arm\tx", call(state="given"), *wait(4)],
}


# layers, heads, size of a head, bytes of a row: as in fuzz_far.c
FORMS = [(1, 1, 32, 64), (2, 2, 64, 68), (4, 1, 32, 34), (1, 4, 64, 128)]


def value(form, row=0, kind=b"S", cut=None, more=b""):
    layers, heads, d, of_row = FORMS[form]
    rows = bytes(i % 251 for i in range(layers * 2 * heads * 64 * of_row))
    head = b"OMNKVS1\n" + struct.pack("<Q32s4iQ", 0, bytes(32), layers, heads, d, 0, 0)
    return bytes((form, row)) + kind + (head + rows)[:cut] + more


VALUES = {
    **{f"form_{form}_row_{row}": value(form, row) for form in range(4) for row in (0, 5)
       if not row or form in (0, 2)},
    "sum": value(0, kind=b"R"),
    "short": value(0, cut=-1),
    "long": value(1, more=b"x"),
    "head": value(0, cut=72),
    "half_a_head": value(0, cut=40),
    "nothing": value(0, cut=0),
}


def record(key, value, h=0, e=1, home="there", v=1, after=None):
    return json.dumps([key, h, e, home, v, value, after], separators=(",", ":"))


def message(**fields):
    return "message\t\"omnesia:main:changes\t\"" + text(**{"omnesia": 1, "fleet": "main",
                                                           "from": "there", "life": 7, **fields})


def tool(name, **schema):
    return {"function": {"name": name, "description": "it " + name + "s"}, "input_schema": schema}


def robot(name, *tools, **fields):
    return text(robot_name=name, robot_tool=list(tools), robot_state="idle", timestamp=1, **fields)


def answer(**fields):
    return 'r["message\t"real_to_RoboOS\t"' + text(**{"robot_name": "real", "subtask_handle": "x",
                                                    "subtask_result": "done", "tools": [],
                                                    "task_id": "t", **fields})


def real_call(**fields):
    return call(state="given", **fields).replace("call/arm", "call/real")


CUP = {"class": "cup", "kind": "object", "at": "table", "how": "on"}
REAL = [robot("real", tool("navigate_to_target"), tool("grasp_object"),
              tool("dance", type="object"))]
LISTENS = ['n["roboos_to_real\t:1']
JOINS = ['i["real\t"' + REAL[0], *LISTENS, 'r["message\t"AGENT_REGISTRATION\t"real',
         'i["real\t"' + REAL[0], *LISTENS]
STATE = struct.pack("<IIQQQq", 1, 0, 1, 1, 250000001, 1).hex() + "00" * 250

REDIS = {
    "nothing": [],
    "task": ["?put the apple on the table"],
    "stored": ['o["thing/cup\t"' + record("thing/cup", CUP) + '\t"robot/other\t"' +
               record("robot/other", {"format": 1, "body": "arm", "hands": ["left"]}) +
               '\t"lease/other\t"' + record("lease/other", {"epoch": 1})],
    "stored_garbage": ['o["thing/cup\t"{}\t"x\t_\t:3\t:4\t[\t"thing/x\t"[1,2,3]'],
    "no_hash": ['o"text', 'h[' + message(records=[])],
    "format": ['f"2'],
    "error": ["f-NOAUTH Authentication required", "o-WRONGTYPE"],
    "refused": ["e-OOM command not allowed", "e-NOPERM", "e_", "e["],
    "message": ['h["' + message(records=[json.loads(record("thing/mug", CUP))])],
    "state": ['h["' + message(records=[json.loads(record("robot/other", {"format": 1})),
                                       json.loads(record("lease/other", {"epoch": 1}))],
                              states=[["other", 1, "there", 1, STATE, 5],
                                      ["arm", 1, "there", 2, STATE, -5],
                                      ["other", 1, "there", 3, "zz", 5, STATE]])],
    "states": ['h["' + message(records=[json.loads(record("robot/other", {"format": 1})),
                                        json.loads(record("lease/other", {"epoch": 1}))]), "?x",
               *['h["' + message(states=[["other", 1, "there", v, STATE, 5 - v, STATE[:2 * v]]])
                 for v in (1, 4, 300)],
               'h["' + message(states=[["other", 2, "there", 1, STATE, 9]]),
               *['h["' + message(sum=[1, "0"])] * 4],
    "brain": ['h["' + message(brain=[9, 9, 10**9]), 'h["' + message(brain=[1e300, -1, "x"]),
              "?put the apple on the table"],
    "sums": ['h["' + message(sum=[3, "ffff"]), 'h["' + message(list={"after": "", "to": "",
             "stamps": [["thing/cup", 0, 9, "there", 9], ["thing/cup"], 7]}),
             'h["' + message(need=["thing/cup", 7, "nothing/x", "robot/arm"])],
    "wants": ['h["' + message(records=[json.loads(record("want/there/cup", {"thing": "cup"})),
                                       json.loads(record("want/cup", {"from": "there"}))])],
    "call": ['h["' + message(records=[json.loads(record("call/there/arm", {
        "task": "t1", "step": "s1", "try": 1, "skill": "wait", "args": {"seconds": 0.1},
        "limit": 5, "lease": ["lease/arm", 0, 1, "here", 1], "state": "given"}))]),
        'h["' + message(records=[json.loads(record("done/arm", {"from": "here"}, v=2))])],
    "stop": ['h["' + message(records=[json.loads(record("stop/there", {"all": 1})),
                                      json.loads(record("clear/there", {"all": 9}, v=2))])],
    "task_of_theirs": ['h["' + message(records=[json.loads(record("task/t7", {
        "id": "t7", "text": "x", "state": "running", "steps": [step()]}))])],
    "own": ['h["' + message(records=[json.loads(record("thing/cup", CUP, home="here", e=2**60)),
                                     json.loads(record("thing/apple", None, home="here", e=2**62)),
                                     json.loads(record("lease/arm", None, h=2**53, v=-1))])],
    "own_again": ['h["' + message(records=[json.loads(record("thing/mug", CUP, home="here", e=5)),
                                           json.loads(record("task/t9", {"id": "t9"}, home="here")),
                                           json.loads(record("want/cup", {"x": 1}, home="here"))])],
    "deaf": ['h:1', 'h[', 'h["subscribe\t"x\t:1', "h_", "h-ERR", 'h["message\t_\t"{}'],
    "roboos": [*JOINS, "?put the apple on the table", "l\"working", 'l"\xff', "l:1"],
    "roboos_answers": [*JOINS, answer(), answer(subtask_result=False), answer(task_id=7),
                       answer(robot_name="other"), answer(subtask_result=None),
                       'r["message\t"real_to_RoboOS\t"garbage',
                       'r["message\t"_to_RoboOS\t"{}', 'r["message\t"real_to_RoboOS\t_'],
    "roboos_tools": ['i["a\t"' + robot("a") + '\t"b\t"' + robot("b", *[tool("x")] * 65) +
                     '\t"c\t"' + robot("c", {"name": "x"}, 7) + '\t"a/b\t"{}\t"d\t"[]\t"e',
                     "n[\"roboos_to_a\t:1\t\"roboos_to_\t:1\t\"x\t\"y"],
    "roboos_calls": [*JOINS, "?x", "!" + real_call(skill="dance", args={"a": "b"}),
                     answer(subtask_handle='Use the tool dance with {"a":"b"}.', task_id=None),
                     "?x", "!" + real_call(step="s2", skill="dance", args={}),
                     answer(subtask_handle="Use the tool dance.", task_id=None,
                            subtask_result="Failed to dance: \u00e9" + "\u20ac" * 400), "?x",
                     "!" + real_call(step="s3"),
                     'r["message\t"AGENT_REGISTRATION\t"real'],
    "roboos_odd": ['i["real\t"' + robot("real", tool("grasp_object", type="object", properties={
        "thing": 7}, required="all")), *LISTENS, 'r["message\t"AGENT_REGISTRATION\t"real',
        'i["real\t"' + robot("real", tool("open", type=7)), *LISTENS],
    "roboos_leaves": [*JOINS, 'r["message\t"AGENT_REGISTRATION\t"nobody', "i[", "n[\"x\t:0"],
}
# A topic of the map in fuzz_fleet_ros2.c, then what its message says; 200: states are put.


def real(x):
    return b"\xff" + struct.pack("<d", x)


def words(x):
    return bytes((len(x),)) + x.encode()


def reals(*x):
    return b"".join(map(real, x))


def tf(topic, frame, child, *p, q=(0, 0, 0, 1)):
    return bytes((topic,)) + real(0) + words(frame) + words(child) + reals(*p, *q)


def odom(topic, frame, child, *p):
    return tf(topic, frame, child, *p) + reals(1, 1, 1, 0, 0, 0, 0, 0, 0)


def seen(topic, class_, *p, score=0.9):
    return (bytes((topic, 1)) + real(0) + words("world") + words(class_) + real(score) +
            reals(*p, 0, 0, 0, 1) + b"\0" + reals(0, 0, 0, 0, 0, 0, 1, 0.1, 0.1, 0.1))


# odom, joints, battery, tf of arm; joints of helper; odom of far; both cameras; /tf, /tf_static
ARM_ODOM, ARM_JOINTS, BATTERY, ARM_TF, JOINTS, FAR_ODOM, SEEN, ALSO, TF, STATIC = range(10)
PUT = bytes((200,))
ROS2 = {
    "nothing": b"",
    "poses": odom(ARM_ODOM, "odom", "base", 1, 2, 0) + tf(TF, "world", "helper_base", 3, 4, 0) +
    tf(STATIC, "/world", "odom", 0, 0, 0) + PUT + odom(FAR_ODOM, "world", "x", 5, 5, 0) + PUT,
    "joints": bytes((ARM_JOINTS,)) + reals(*range(40)) + bytes((7,)) + bytes((JOINTS,)) +
    reals(*[1e300] * 40) + bytes((40,)) + PUT,
    "battery": b"".join(bytes((BATTERY,)) + real(x) for x in (0.5, float("nan"), -1, 2)) + PUT,
    "seen": seen(SEEN, "41", 1, 1, 0.8) + seen(SEEN, "cup", 1e300, 0, 0) + PUT +
    seen(ALSO, "unicorn", 2, 2, 0) + seen(ALSO, "", 1, 1, 1) +
    seen(ALSO, "\u00e9", 1, 1, 1, score=float("nan")) + PUT,
    "circle": tf(TF, "a", "b", 1, 0, 0) + tf(TF, "b", "a", 1, 0, 0) + tf(TF, "a", "a", 1, 0, 0) +
    tf(TF, "b", "helper_base", 1, 0, 0) + PUT,
    "odd": tf(TF, "world", "helper_base", float("nan"), 0, 0) +
    tf(TF, "world", "helper_base", 1, 2, 3, q=(0, 0, 0, 0)) +
    tf(TF, "world", "helper_base", 1, 2, 3, q=(9, 9, 9, 9)) +
    tf(ARM_TF, "x" * 127, "y" * 90, 1, 2, 3) +
    tf(TF, "", "", 0, 0, 0) + tf(TF, "omnesia/arm", "omnesia/arm", 0, 0, 0) + PUT,
    "none": bytes((SEEN, 0)) + bytes((SEEN, 0)) + PUT,
}


class Cdr(bytes):
    """A message as it lies on the wire: numbers at multiples of their size, texts with lengths."""

    def _put(self, size, form, values):
        for v in values:
            self = Cdr(self + bytes(-len(self) % size) + struct.pack(form, v))
        return self

    def word(self, *values):
        return self._put(4, "<I", values)

    def real(self, *values):
        return self._put(8, "<d", values)

    def small(self, *values):
        return self._put(4, "<f", values)

    def text(self, value):
        return Cdr(self.word(len(value) + 1) + value.encode() + b"\0")

    def head(self, frame):
        return self.word(1, 2).text(frame)


POSE = (1, 2, 3, 0, 0, 0, 1)
RESULT = Cdr().head("map").word(1).head("").word(1).text("cup").real(0.9, *POSE, *range(36))
CDR = {
    "tf": b"\0" + Cdr().word(2).head("map").text("base").real(*POSE).head("base").text("arm")
    .real(*POSE),
    "odometry": b"\1" + Cdr().head("odom").text("base").real(*POSE, *range(36))
    .real(1, 0, 0, 0, 0, 1, *range(36)),
    "joints": b"\2" + Cdr().head("").word(2).text("a").text("b").word(2).real(0.5, 1e300)
    .word(0).word(1).real(3),
    "battery": b"\3" + Cdr(Cdr().head("").small(12, 20, 1, 1, 1, 1, 0.5) + bytes((1, 1, 1, 1)))
    .word(1).small(3.3).word(0).text("here").text("42"),
    "seen": b"\4" + RESULT.real(*POSE, 0.1, 0.1, 0.1).text("x"),
    "too_long": b"\0" + Cdr().word(1 << 31),
    "no_end": b"\0" + Cdr().word(1, 0, 0, 3) + b"abcd",
    "cut": b"\4" + RESULT,
    "nothing": b"\2",
}


def write(folder, files):
    (CORPUS / folder).mkdir(exist_ok=True)
    for name, data in files.items():
        (CORPUS / folder / name).write_bytes(data)


def joined(lines):
    return b"".join((x if isinstance(x, bytes) else x.encode()) + b"\n" for x in lines)


def main():
    write("fleet_board", {name: joined(lines) for name, lines in BOARDS.items()})
    write("fleet_redis", {name: joined(lines) for name, lines in REDIS.items()})
    write("fleet_ros2", ROS2)
    write("fleet_cdr", CDR)
    write("far", VALUES)


if __name__ == "__main__":
    main()
