#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_template_golden.py - what jinja2 makes of templates, for test_template.c to compare.

Writes one JSON object a line: first the contexts, then template, context (its index) and text (or
error). jinja2 (PyPI) is set up
as Hugging Face's transformers does it: trim_blocks, lstrip_blocks, loop controls, a generation tag,
tojson without HTML escapes, raise_exception, strftime_now (here at a fixed time, in UTC).

  make_template_golden.py > template_golden.jsonl              the committed file
  make_template_golden.py --random N --seed S > FILE           N random templates
  make_template_golden.py --folder DIR > FILE                  every *.jinja in DIR
  make_template_golden.py --gguf FILE.. > FILE                 templates of GGUF files (PyPI gguf)
  make_template_golden.py --gguf FILE --outputs > template_smollm2.jsonl      the outputs alone
and then: test-model-template FILE
"""
import argparse
import datetime
import json
import random
import sys
from pathlib import Path

import jinja2
import jinja2.ext
import jinja2.sandbox

NOW = 1722000000  # 2024-07-26 13:20 UTC


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def strftime_now(form):
        return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime(form)

    # Not the immutable sandbox: templates for other programs call append and pop.
    env = jinja2.sandbox.SandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals.update(raise_exception=raise_exception, strftime_now=strftime_now)
    return env


ENV = environment()


def case(template, context):
    row = {"template": template, "context": context}
    try:
        text = ENV.from_string(template).render(**json.loads(json.dumps(context)))
        text.encode("utf-8")
        row["text"] = text
    except Exception as problem:  # whatever it was, ours must end in an error too
        row["error"] = f"{type(problem).__name__}: {problem}"[:200]
    return row


# ---- conversations -----------------------------------------------------------------------------
TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Weather \"now\" <at> a place",
    "parameters": {"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string", "description": "City, e.g. K\u00f6ln"},
        "days": {"type": "integer", "enum": [1, 2, 3]},
        "unit": {"type": "string", "default": None}}}}}
ODD_TOOL = {"type": "function", "function": {
    "name": "find", "description": "", "parameters": {"type": "object", "properties": {
        "where": {"type": ["string", "null"]}}}}}
CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "call00001", "type": "function",
     "function": {"name": "get_weather", "arguments": {"city": "K\u00f6ln", "days": 2}}}]}
RESULT = {"role": "tool", "tool_call_id": "call00001", "name": "get_weather",
          "content": "{\"t\": 21.5}"}
U, A, S = ({"role": r, "content": c} for r, c in
           [("user", " Hello <|im_end|> there?\n"), ("assistant", "Hi \u2603!"),
            ("system", "Be brief.")])
THINK = {"role": "assistant", "content": "<think>\nlong\n</think>\n\nShort."}
TALKS = [[U], [S, U], [U, A, U], [S, U, A, U, A, U], [S, U, THINK, U],
         [U, CALL, RESULT, A, U], [S, U, CALL, RESULT], [A, U], []]


def contexts():
    for talk in TALKS:
        for tools in (None, [TOOL], [TOOL, ODD_TOOL]):
            for prompt in (True, False):
                yield {"messages": talk, "tools": tools, "documents": None, "bos_token": "<s>",
                       "eos_token": "</s>", "add_generation_prompt": prompt,
                       "functions": json.dumps(tools), "datetime": "now"}


# ---- templates of ours: each construct once ----------------------------------------------------
DATA = {"a": 1, "b": 2.5, "s": "Hello World", "t": "  pad\t\n",
        "u": "\u00c4\u00df\u03a3 \U0001f600 e\u0301",
        "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "d": {"x": 1, "y": [1, {"z": None}], "items": 5},
        "n": None, "yes": True, "no": False, "e": [], "es": "", "ed": {},
        "people": [{"name": "Bo", "age": 3, "at": {"city": "X"}}, {"name": "al", "age": 1},
                   {"name": "Cy", "age": 2, "at": {"city": "Y"}}]}

# ---- random templates --------------------------------------------------------------------------
class Random:
    NAMES = list(DATA) + ["nope"]
    FILTERS = """upper;lower;title;trim;length;list;first;last;reverse | list;string;int;float;\
tojson;join;join('-');sort;unique | list;sum;capitalize;default('q');replace('a', 'b');\
indent(2);items | list;dictsort;abs;round;escape;map('string') | list;\
select('string') | list;reject('none') | list;min;max;map(attribute='x') | list;\
selectattr('age') | list;d('z', true);round(1);tojson(indent=1)""".split(";")
    TESTS = """defined;none;string;number;mapping;iterable;sequence;odd;even;boolean;true;lower;\
upper;in l;eq 1;divisibleby 2;integer;float""".split(";")
    METHODS = """upper();lower();strip();split();split('l');title();get('x');startswith('H');\
endswith('d');replace('l', '');x;name;count('l');find('o');lstrip('H');capitalize();\
splitlines();isdigit()""".split(";")
    BINARY = """+;-;*;/;//;%;~;~;==;!=;<;<=;>;>=;in;not in;and;or""".split(";")
    ATOMS = """0;1;2;-1;3.5;1e10;'';'ab';' x y ';'\u00e9\u00df';true;none;[];[1, 2];{};{'x': 1};\
(1, 'a');'3';'Hello'""".split(";")

    def __init__(self, seed):
        self.r = random.Random(seed)

    def expression(self, depth):
        r = self.r
        if depth == 0 or r.random() < 0.15:
            return r.choice(self.NAMES if r.random() < 0.6 else self.ATOMS)
        sub = lambda: self.expression(depth - 1)
        kind = r.randrange(9)
        if kind < 2:
            return f"{sub()} {r.choice(self.BINARY)} {sub()}"
        if kind < 4:
            return f"({sub()}) | {r.choice(self.FILTERS)}"
        if kind == 4:
            return f"({sub()}) is {r.choice(['', 'not '])}{r.choice(self.TESTS)}"
        if kind == 5:
            return f"({sub()}).{r.choice(self.METHODS)}"
        if kind == 6:
            part = lambda: r.choice(["", "", "0", "1", "-1", "2", "-2", "5"])
            if r.random() < 0.5:  # of a name: jinja2 folds slices of constants by other rules
                stride = r.choice(["", "1", "2", "-1", "-2"])
                return f"{r.choice(self.NAMES)}[{part()}:{part()}{r.choice(['', ':' + stride])}]"
            index = r.choice(["0", "-1", "1", "'x'", "'y'"])
            return f"({sub()})[{index}]"
        if kind == 7:
            return r.choice([f"not {sub()}", f"-({sub()})", f"[{sub()}, {sub()}]",
                             f"{{'k': {sub()}}}"])
        return f"({sub()} if {sub()} else {sub()})"

    def statement(self, depth):
        r = self.r
        if depth == 0 or r.random() < 0.3:
            return r.choice(["{{ %s }}", "{{- %s }}", "{{ %s -}}"]) % self.expression(2)
        body = "".join(self.text() + self.statement(depth - 1) for _ in range(r.randint(1, 2)))
        body += self.text()
        l = lambda: r.choice(["{%", "{%", "{%-", "{%+"])
        rr = lambda: r.choice(["%}", "%}", "-%}", "+%}"])
        kind = r.randrange(5)
        e = self.expression(2)
        if kind == 0:
            return f"{l()} if {e} {rr()}{body}{l()} else {rr()}{self.text()}{l()} endif {rr()}"
        if kind == 1:
            return f"{l()} for x in ({e}) {rr()}{{{{ loop.index }}}}{body}{l()} endfor {rr()}"
        if kind == 2:
            return f"{l()} set {r.choice(['a', 'q', 's'])} = {e} {rr()}{body}"
        if kind == 3:
            return f"{l()} set q {rr()}{body}{l()} endset {rr()}{{{{ q }}}}"
        return f"{{#{r.choice(['', '-'])} c {r.choice(['', '-'])}#}}{body}"

    def text(self):
        return self.r.choice(["", "", "a", "\n", " \n  ", "  ", "\n\n", "t \n", "\u00a0 "])

    def template(self):
        if self.r.random() < 0.6:
            return "{{ %s }}" % self.expression(3)
        return self.text() + self.statement(3) + self.text()


def is_ours(row):
    """Leave out what the header of jinja.h calls a known difference: printed lazy objects and
    machine addresses, and results beyond 64 bits."""
    text = row.get("text", "")
    if any(word in text for word in (" at 0x", "dict_items(", "dict_keys(", "dict_values(",
                                     "<built-in", "<generator", "<list_reverse", "Markup(")):
        return False
    return "has no len()" not in row.get("error", "") or "generator" not in row.get("error", "")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--random", type=int)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--folder")
    args.add_argument("--gguf", nargs="*")
    args.add_argument("--outputs", action="store_true")
    args = args.parse_args()
    rows = []
    if args.random:
        made = Random(args.seed)
        rows = [case(made.template(), DATA) for _ in range(args.random)]
    elif args.folder:
        for path in sorted(Path(args.folder).glob("*.jinja")):
            rows += [dict(case(path.read_text(), c), name=path.name) for c in contexts()]
    elif args.gguf:
        import gguf
        for path in args.gguf:
            field = gguf.GGUFReader(path).fields.get("tokenizer.chat_template")
            if field:
                rows += [dict(case(field.contents(), c), name=Path(path).name) for c in contexts()]
    else:
        here = Path(__file__).parent
        for line in (here / "template_expressions.txt").read_text().splitlines():
            rows.append(case("{{ %s }}" % line, DATA))
        for block in (here / "template_statements.txt").read_text()[:-1].split("\n----\n"):
            rows.append(case(block, DATA))
        for template in (here / "template_chats.txt").read_text()[:-1].split("\n----\n"):
            rows += [case(template, c) for c in contexts()]
        made = Random(1)
        rows += [case(made.template(), DATA) for _ in range(500)]
    rows = [row for row in rows if is_ours(row)]
    known = []
    for row in rows:
        if row["context"] not in known:
            known.append(row["context"])
        row["context"] = known.index(row["context"])
        if args.outputs:
            del row["template"], row["name"]
    for row in [{"contexts": known}] + rows:
        print(json.dumps(row, ensure_ascii=True))


if __name__ == "__main__":
    sys.exit(main())
