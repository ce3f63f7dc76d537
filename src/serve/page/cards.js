/* SPDX-License-Identifier: Apache-2.0
 *
 * cards.js - four figures and how they came about: speed, what was found in the cache, the queue,
 * memory. One table; each row says what a state becomes, and what is written of it.
 */
import { Chart } from "./chart.js";
import { bytes, count, el, get, say } from "./units.js";

/* [share found within SPAN states, or NaN; asked in all, found]. The region knows of all processes;
 * without one, the loop knows of this one. */
const SPAN = 10, seen = [];
function cache({ region, loop }) {
  const { asked, found } = region || { asked: loop.read + loop.cached, found: loop.cached };
  seen.push([asked, found]);
  if (seen.length > SPAN) seen.shift();
  const [[was, had]] = seen;
  const share = asked > was ? Math.min(1, Math.max(0, found - had) / (asked - was)) : NaN;
  return [100 * share, asked, found];
}

/* show: [figure, unit, line below]; past: the same of a sample that the pointer is on */
const CARDS = [
  {
    title: "Tokens per second", lines: [{ kind: "accent" }, { kind: "second", own: true }],
    now: s => [s.tokens_per_s.written, s.tokens_per_s.read],
    show: ([written, read]) => [`${count(written)}/s`, "written", `${count(read)}/s read`],
  },
  {
    title: "Tokens from cache", lines: [{ kind: "accent" }], top: 100, now: cache,
    show: ([, asked, found]) => asked
      ? [`${(100 * found / asked).toFixed(1)} %`, "", `${count(found)} of ${count(asked)}`]
      : ["–", "", "nobody has asked yet"],
    past: ([share]) =>
      share >= 0 ? [`${share.toFixed(1)} %`, "", "just then"] : ["–", "", "nobody asked"],
  },
  {
    title: "Queue", lines: [{ kind: "accent" }, { kind: "second" }],
    now: s => [s.loop.running, s.loop.waiting, s.loop.slots],
    show: ([running, waiting, slots]) =>
      [count(running), "running", `${count(waiting)} waiting, ${count(slots)} slots`],
  },
  {
    title: "Memory", lines: [{ kind: "accent" }],
    now: ({ memory }) => [memory.resident || memory.booked, memory.limit],
    show: ([has, limit]) => [bytes(has), "", limit ? `of ${bytes(limit)}` : "no limit is set"],
  },
];

class Card {
  constructor(row) {
    this.row = row;
    this.parts = [el("span", { class: "figure" }, "–"), el("span", { class: "unit" }),
      el("p", { class: "small" })];
    const node = el("section", { class: "card num", "aria-label": row.title },
      el("h3", null, row.title), el("p", null, ...this.parts.slice(0, 2)), this.parts[2]);
    this.chart = new Chart(node, row.lines, row.top, () => this.text());
    get("cards").append(node);
  }

  next(state, at) {
    this.values = this.row.now(state);
    if (this.row.title === "Memory") this.chart.top = state.memory.limit;
    this.chart.push(at, ...this.values);
    this.text();
  }

  text() {
    const { shown, samples } = this.chart;
    if (!this.values) return;
    const words = (shown && this.row.past || this.row.show)(shown ? shown.values : this.values);
    if (shown) words[2] = `${Math.round((samples.at(-1).at - shown.at) / 1000)} s ago: ${words[2]}`;
    this.parts.forEach((part, i) => say(part, words[i]));
  }
}

const cards = CARDS.map(row => new Card(row));
export const show_cards = (...what) => cards.forEach(card => card.next(...what));
