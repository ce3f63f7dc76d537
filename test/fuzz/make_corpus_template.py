#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes test/fuzz/corpus/template: the templates of test/model/template_*.txt, one a file.

They are seeds for the fuzzer and are replayed by `make test`. Finds of the fuzzer are added to the
folder by hand and stay there; this script only rewrites the files it makes.
"""
import pathlib

HERE = pathlib.Path(__file__).parent
OUT = HERE / "corpus" / "template"


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name in ("statements", "chats"):
        text = (HERE.parent / "model" / f"template_{name}.txt").read_text()[:-1]
        for i, template in enumerate(text.split("\n----\n")):
            (OUT / f"{name}-{i:02}").write_text(template)
    lines = (HERE.parent / "model" / "template_expressions.txt").read_text().splitlines()
    for i in range(0, len(lines), 12):  # an error ends a template, so some lines are not reached
        parts = [f"{{{{ {e} }}}}" for e in lines[i:i + 12]]
        (OUT / f"expressions-{i:03}").write_text("\n".join(parts))
    (OUT / "context").write_text("{{ messages[0].role ~ x.y[1] }}\n====\n"
                                 '{"messages": [{"role": "user"}], "x": {"y": [1, "\u00e9"]}}')


if __name__ == "__main__":
    main()
