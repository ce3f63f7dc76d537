#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picture.py STATE FILE.svg - draws what tools/peers/run measured (build/peers-native.json).

Four panels, a pair of bars for each model: llama.cpp grey, Omnesia blue, medians of the rounds.
Nothing is drawn that was not measured; a model without figures in a panel is left out.
"""
import json
import statistics
import sys

PANELS = [("prefill", "Reading a prompt of 512 tokens", "tokens/s, more is better"),
          ("decode", "Writing 64 tokens", "tokens/s, more is better"),
          ("first-byte", "From start to the first byte of the answer", "ms, less is better"),
          ("rss", "Peak memory of that run", "MiB, less is better")]
WIDTH, BAR, LEFT, TOP = 900, 15, 150, 44
GREY, BLUE = "#9aa0a6", "#2f7de1"


def text(x, y, words, size=12, anchor="start", weight="normal", fill="#6b7280"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}" fill="{fill}">{words}</text>')


def number(v):
    return f"{v:.0f}" if v >= 100 else f"{v:.1f}"


def panel(title, unit, rows, x, y, width):
    """Title, then two bars a model; the longest bar of the panel fills the width."""
    out = [text(x, y + 16, title, 14, weight="bold"), text(x, y + 32, unit, 11)]
    most = max(max(pair) for _, pair in rows)
    room, at = width - LEFT - 60, y + TOP
    for model, pair in rows:
        out.append(text(x + LEFT - 8, at + BAR + 4, model, 12, "end"))
        for value, fill in zip(pair, (GREY, BLUE)):
            long = max(2, room * value / most)
            out.append(f'<rect x="{x + LEFT}" y="{at}" width="{long:.1f}" height="{BAR - 2}" '
                       f'rx="2" fill="{fill}"/>')
            out.append(text(x + LEFT + long + 6, at + BAR - 4, number(value), 11))
            at += BAR
        at += 10
    return out, at


def machine(m):
    wide = "AMX" if "amx_int8" in m["flags"] else "AVX-512" if "avx512f" in m["flags"] else "AVX2"
    return f"{m['threads']} threads, {wide}, {m['date']}"


def main():
    state = json.load(open(sys.argv[1], encoding="utf-8"))
    out, below = [], 0
    for i, (row, title, unit) in enumerate(PANELS):
        rows = [(r["model"], [statistics.median(side) for side in zip(*r["pairs"])])
                for r in state["results"] if r["row"] == row and r["pairs"]]
        if not rows:
            sys.exit(f"picture: {row} was not measured; run tools/peers/run first")
        if i % 2 == 0:
            top = below + 34 if i == 0 else below + 18
        lines, end = panel(title, unit, rows, 10 + (i % 2) * (WIDTH // 2), top, WIDTH // 2 - 10)
        out += lines
        below = max(below, end)
    legend = "".join([f'<rect x="10" y="12" width="12" height="12" fill="{GREY}"/>',
                      text(28, 22, "llama.cpp"),
                      f'<rect x="110" y="12" width="12" height="12" fill="{BLUE}"/>',
                      text(128, 22, "Omnesia"),
                      text(WIDTH - 10, 22, machine(state["machine"]), 11, "end")])
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {below + 6}" '
                'font-family="system-ui, sans-serif">\n')
        f.write(legend + "\n" + "\n".join(out) + "\n</svg>\n")


if __name__ == "__main__":
    main()
