/* SPDX-License-Identifier: Apache-2.0
 *
 * cards.js - four figures and how they came about: speed, what was found in the cache, the queue,
 * memory. One table; each row says what a state becomes.
 */
import { Chart } from "./chart.js";
import { bytes, count, el, get, number, say } from "./units.js";

/* What was asked for and found since the sample before: [share or null, asked in all, found]. The
 * region knows of all processes; without one, the loop knows of this one. */
function cache(state, before) {
  const of = s => s.region ? [number(s.region.asked), number(s.region.found)]
    : [number(s.loop.read) + number(s.loop.cached), number(s.loop.cached)];
  const [asked, found] = of(state), [was, had] = before ? of(before) : [asked, found];
  return [asked > was ? 100 * Math.min(1, Math.max(0, found - had) / (asked - was)) : null, asked, found];
}

const rate = x => `${count(x)}/s`;
const CARDS = [
  {
    title: "Tokens per second", lines: [{ kind: "accent" }, { kind: "second", own: true }],
    now: s => [number(s.tokens_per_s.written), number(s.tokens_per_s.read)],
    show: ([written, read]) => [rate(written), "written", `${rate(read)} read`],
  },
  {
    title: "Tokens from cache", lines: [{ kind: "accent" }], top: 100,
    now: cache,
    show: ([, asked, found]) => asked
      ? [`${(100 * found / asked).toFixed(found === asked ? 0 : 1)} %`, "", `${count(found)} of ${count(asked)}`]
      : ["–", "", "nobody has asked yet"],
    point: ([share]) => [share === null ? "–" : `${share.toFixed(0)} %`, "", share === null ? "nobody asked" : "of that second"],
  },
  {
    title: "Queue", lines: [{ kind: "accent" }, { kind: "second" }],
    now: s => [number(s.loop.running), number(s.loop.waiting), number(s.loop.slots)],
    show: ([running, waiting, slots]) => [count(running), "running", `${count(waiting)} waiting, ${count(slots)} slots`],
  },
  {
    title: "Memory", lines: [{ kind: "accent" }],
    now: s => [number(s.memory.resident), number(s.memory.limit)],
    show: ([resident, limit]) => [bytes(resident), "", limit ? `of ${bytes(limit)}` : "no limit is set"],
    limit: values => values[1],
  },
];

class Card {
  constructor(row) {
    this.row = row;
    this.big = el("span", { class: "figure" }, "–");
    this.unit = el("span", { class: "unit" });
    this.small = el("p", { class: "small" }, "\u00a0");
    this.node = el("section", { class: "card num", "aria-label": row.title },
      el("h3", null, row.title), el("p", { class: "value" }, this.big, this.unit), this.small);
    this.chart = new Chart(this.node, row.lines, row.top);
    this.chart.on_point = () => this.text();
  }

  next(state, before, at) {
    this.values = this.row.now(state, before);
    if (this.row.limit) this.chart.top = this.row.limit(this.values) || undefined;
    this.chart.push(at, ...this.values);
    this.text();
  }

  text() {
    const past = this.chart.shown;
    if (!this.values) return;
    const [big, unit, small] = (past && this.row.point || this.row.show)(past ? past.values : this.values);
    const ago = past ? Math.round((this.chart.samples.at(-1).at - past.at) / 1000) : 0;
    say(this.big, big);
    say(this.unit, unit);
    say(this.small, past ? `${ago} s ago: ${small}` : small);
  }
}

const cards = CARDS.map(row => new Card(row));
get("cards").append(...cards.map(card => card.node));

export function show_cards(state, before, at) {
  for (const card of cards) card.next(state, before, at);
}
