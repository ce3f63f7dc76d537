# SPDX-License-Identifier: Apache-2.0
"""What the rows of the table are, how figures become a ratio, and when a row passes.

A row holds pairs (base, ours), one per round. Its ratio is the quotient of the two medians; its
spread is the smallest and the largest quotient of one round, so what the machine did between
two rounds does not count for or against anybody. A bar is judged at the ratio. When the spread
reaches across the bar the verdict says so, and a ratio whose spread crosses 1 is called equal:
noise is never a gain.
"""
import math
import statistics
from dataclasses import dataclass, field

SMOL, GEMMA = "smollm2-135m", "gemma3-270m"
QWEN05, QWEN15 = "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"
MODELS = (SMOL, GEMMA, QWEN05, QWEN15)
REQUANTISED = tuple(f"{SMOL}:{kind}" for kind in ("Q4_0", "Q4_K_M", "Q8_0"))
MEAN = "geometric mean"


@dataclass(frozen=True)
class Bar:
    limit: float
    at_most: bool = False  # else at least
    spread: bool = False   # fails only when the whole spread is on the wrong side

    def __str__(self):
        sign, more = "<=" if self.at_most else ">=", " less the spread" if self.spread else ""
        return f"{sign} {self.limit:g}{more}"

    def holds(self, ratio):
        return ratio <= self.limit if self.at_most else ratio >= self.limit


@dataclass(frozen=True)
class Row:
    id: str
    title: str
    unit: str
    base: str                # what ours is divided by
    models: tuple
    bar: Bar                 # for each model
    special: dict = field(default_factory=dict)  # a model's own bar
    mean: Bar = None         # for the geometric mean of the models' ratios

    def bar_of(self, model):
        return self.special.get(model, self.bar)


def least(limit):
    return Bar(limit)


def most(limit):
    return Bar(limit, at_most=True)


LLAMA = "llama.cpp"
ROWS = (
    Row("prefill", "prefill of 512 tokens", "tok/s", LLAMA, MODELS,
        least(1.4), {SMOL: least(4.5)}, least(2.3)),
    Row("decode", "decode of 64 tokens", "tok/s", LLAMA, MODELS,
        Bar(1.0, spread=True), {SMOL: least(2.5)}, least(1.5)),
    Row("prefill-requantised", "prefill of 512, re-quantised", "tok/s", LLAMA, REQUANTISED,
        least(1.5)),
    Row("decode-requantised", "decode of 64, re-quantised", "tok/s", LLAMA, REQUANTISED,
        least(1.2)),
    Row("decode-4096", "decode of 64 at depth 4096", "tok/s", LLAMA, (SMOL, QWEN05, QWEN15),
        least(1.3), mean=least(2.0)),
    Row("prefill-4096", "prefill of 512 at depth 4096, c1", "tok/s", LLAMA, (SMOL,), least(3.3)),
    Row("prefill-4096-bf16", "prefill of 512 at depth 4096, BF16", "tok/s", LLAMA, (SMOL,),
        least(4.0)),
    Row("decode-busy", "decode of 64 beside two endless loops", "tok/s", LLAMA, (SMOL, QWEN05),
        least(3.0)),
    Row("prefill-busy", "prefill of 512 beside two endless loops", "tok/s", LLAMA, (SMOL, QWEN05),
        least(2.0)),
    Row("first-byte", "start to first byte, packed cache present", "ms", LLAMA, MODELS,
        most(0.25)),
    Row("first-byte-cold", "start to first byte, no packed cache", "ms", LLAMA, MODELS, most(1.5)),
    Row("share", "start to first byte, 4096 tokens another process computed", "ms", LLAMA, (SMOL,),
        most(0.01)),
    Row("share-own", "start to first byte, 4096 tokens another process computed", "ms",
        "16 tokens and 3 decode steps", (SMOL,), most(1.0)),
    Row("slots", "start to first byte, 4096 tokens that were saved before", "ms",
        "llama-server, a saved slot", (SMOL,), most(0.125)),
    Row("rss", "peak RSS of that run, packed cache present", "MiB", LLAMA, MODELS,
        most(0.6), mean=most(0.5)),
    Row("private", "private memory without KV", "MiB", "24 MiB + 64 B a vocabulary entry", MODELS,
        most(1.0)),
    Row("packed", "packed file", "MiB", "the tensors it replaces", MODELS, most(1.05)),
    Row("pss", "sum of PSS of two processes", "MiB", "PSS of one", MODELS, most(1.15)),
    Row("waiting", "decode step spent waiting for the other thread", "%", "the whole step", MODELS,
        most(0.05)),
)


@dataclass
class Result:
    row: str
    model: str
    pairs: list = field(default_factory=list)  # (base, ours); None where a side was not measured
    problem: str = ""                          # why there are no figures

    def side(self, index):
        values = [pair[index] for pair in self.pairs if pair[index] is not None]
        return statistics.median(values) if values else None

    def ratio(self):
        base, ours = self.side(0), self.side(1)
        return ours / base if base and ours is not None else None

    def quotients(self):
        return [ours / base for base, ours in self.pairs if base and ours is not None]


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def judge(bar, ratio, quotients):
    """'pass' or 'below', and what the spread says about it."""
    low, high = min(quotients), max(quotients)
    best = low if bar.at_most else high
    verdict = "pass" if bar.holds(best if bar.spread else ratio) else "below"
    notes = []
    if not bar.spread and bar.holds(low) != bar.holds(high):
        notes.append("the spread crosses the bar")
    if low < 1 < high:
        notes.append("equal within the spread")
    return verdict + (f" ({', '.join(notes)})" if notes else "")


def mean_of(row, results):
    """(ratio, quotients) of the geometric mean over a row's models, or None when one is missing."""
    mine = [r for r in results if r.row == row.id and r.quotients()]
    if {r.model for r in mine} != set(row.models):
        return None
    if any(q <= 0 for r in mine for q in r.quotients()):
        return None
    rounds = min(len(r.quotients()) for r in mine)
    each = [geometric_mean([r.quotients()[i] for r in mine]) for i in range(rounds)]
    return geometric_mean([r.ratio() for r in mine]), each


def figure(value):
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"


def line_of(row, model, base, ours, bar, ratio, quotients, problem):
    cells = {"what": row.title, "model": model, "unit": row.unit, "against": row.base,
             "base": figure(base), "ours": figure(ours), "ratio": "-", "spread": "-",
             "bar": str(bar), "verdict": problem or "not measured"}
    if ratio is not None:
        cells.update(ratio=f"{ratio:.3g}", spread=f"{min(quotients):.3g}..{max(quotients):.3g}",
                     verdict=judge(bar, ratio, quotients))
    return cells


def lines(results):
    """The table as a list of cells by name, in the order of ROWS: each model, then the mean."""
    table = []
    by_key = {(r.row, r.model): r for r in results}
    for row in ROWS:
        known = [by_key[row.id, m] for m in row.models if (row.id, m) in by_key]
        for r in known:
            table.append(line_of(row, r.model, r.side(0), r.side(1), row.bar_of(r.model),
                                 r.ratio(), r.quotients(), r.problem))
        mean = mean_of(row, results) if row.mean and known else None
        if mean:
            table.append(line_of(row, MEAN, None, None, row.mean, *mean, ""))
    return table


def as_text(cells):
    return ("{what:<46} {model:<21} {base:>8} -> {ours:>8} {unit:<5}  ratio {ratio:>6}"
            "  [{spread}]  bar {bar}  {verdict}").format(**cells)


def as_markdown(table):
    head = ("what", "model", "against", "base", "ours", "unit", "ratio", "spread", "bar", "verdict")
    rows = [[cells[name].replace("|", "/") for name in head] for cells in table]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
                     + ["| " + " | ".join(row) + " |" for row in rows])


def put_between(path, name, body):
    """Replace what stands between <!-- NAME:begin --> and <!-- NAME:end --> in a document."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    text = path.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        raise ValueError(f"{path} has no {begin} and {end} to write between")
    head, tail = text[:text.index(begin)], text[text.index(end):]
    path.write_text(f"{head}{begin}\n{body}\n{tail}", encoding="utf-8")
