/* SPDX-License-Identifier: Apache-2.0
 *
 * timeline.js - records over time: a bar a day, a week or a month, whichever leaves room, and a
 * brush over them. Dragging chooses a time, a click one bar, a click on what is chosen all again.
 * By keyboard: arrows move, Shift makes longer, Escape is all.
 */
import { el, say, some, svg } from "./units.js";

const DAY = 86_400_000, HEIGHT = 92, FOOT = 18, TOP = 6, LEAST_DAYS = 14, BAR = 7;
const UNITS = [[1, "day"], [7, "week"], [28, "four weeks"], [91, "quarter"], [364, "year"]];
const day_of = at => Math.floor(at / DAY);
const written = (day, options) =>
  new Date(day * DAY).toLocaleDateString("en-GB", { timeZone: "UTC", ...options });
export const date = day => written(day, { day: "numeric", month: "short", year: "numeric" });

export class Timeline {
  /* on_range([first day, day behind the last] or null) when another time is chosen. */
  constructor(host, on_range) {
    Object.assign(this, { host, on_range, bins: [], range: null, width: 0, days: new Map() });
    this.picture = svg("svg", { height: HEIGHT, "aria-hidden": "true" });
    this.tip = el("p", { class: "tip num" });
    host.append(this.picture, this.tip);
    host.addEventListener("pointerdown", event => this.down(event));
    host.addEventListener("pointermove", event => this.move(event));
    host.addEventListener("pointerup", event => this.up(event));
    host.addEventListener("pointercancel", () => { this.from = undefined; });
    host.addEventListener("pointerleave", () => say(this.tip, ""));
    host.addEventListener("keydown", event => this.key(event));
    new ResizeObserver(() => {
      if (this.width !== (this.width = host.clientWidth)) this.fill();
    }).observe(host);
  }

  /* days: [[text "2023-05-08", how many]] */
  show(days) {
    this.days = new Map(days.map(([day, n]) => [day_of(Date.parse(`${day}T00:00Z`)), n])
      .filter(([day]) => Number.isFinite(day)));
    this.fill();
  }

  fill() {
    const all = [...this.days.keys()], today = day_of(Date.now());
    let first = Math.min(today, ...all), last = Math.max(...all, first);
    first = Math.min(...all, last);
    first = Math.min(first, last - LEAST_DAYS + 1);
    const room = Math.max(10, this.width / BAR), days = last - first + 1;
    const [unit, name] = UNITS.find(([n]) => days / n <= room) || UNITS.at(-1);
    this.unit = unit;
    this.unit_name = name;
    this.first = first;
    this.bins = Array(Math.ceil(days / unit)).fill(0);
    for (const [day, n] of this.days) this.bins[Math.floor((day - first) / unit)] += n;
    this.draw();
  }

  x(day) { return this.width * (day - this.first) / (this.bins.length * this.unit); }
  bin_at(event) {
    const x = event.clientX - this.host.getBoundingClientRect().left;
    return Math.min(this.bins.length - 1, Math.max(0, Math.floor(x / this.width * this.bins.length)));
  }
  span(a, b) {
    const from = this.first + Math.min(a, b) * this.unit;
    return [from, this.first + (Math.max(a, b) + 1) * this.unit];
  }

  draw() {
    if (!this.width || !this.bins.length) return;
    const high = HEIGHT - FOOT - TOP, most = Math.max(1, ...this.bins), { range } = this;
    const step = this.width / this.bins.length, gap = step > 4 ? 1.5 : 0.5, out = [];
    if (range) {
      const [from, to] = range.map(day => this.x(day));
      out.push(svg("rect", { class: "brush", x: from, y: 0, width: to - from, height: HEIGHT - FOOT }));
    }
    out.push(svg("path", { class: "base", d: `M0 ${HEIGHT - FOOT + 0.5}H${this.width}` }));
    this.bins.forEach((n, i) => {
      if (!n) return;
      const tall = Math.max(2, high * Math.sqrt(n / most)), [from] = this.span(i, i);
      const off = range && (from < range[0] || from >= range[1]);
      out.push(svg("rect", { class: `day${off ? " off" : ""}`, x: i * step + gap / 2, rx: 1.5,
        y: HEIGHT - FOOT - tall, width: Math.max(1, Math.min(step - gap, 26)), height: tall }));
    });
    this.picture.setAttribute("width", this.width);
    this.picture.replaceChildren(...out, ...this.axis());
  }

  axis() {
    const days = this.bins.length * this.unit, marks = Math.max(2, Math.floor(this.width / 110));
    const form = days < 400 ? { day: "numeric", month: "short" } : { month: "short", year: "numeric" };
    return Array.from({ length: marks + 1 }, (_, i) => {
      const day = this.first + Math.round((days - 1) * i / marks);
      const anchor = i === 0 ? "start" : i === marks ? "end" : "mid";
      const x = i === marks ? this.width : this.x(day);
      return svg("text", { x, y: HEIGHT - 4, class: anchor }, written(day, form));
    });
  }

  choose(range) {
    this.range = range;
    this.draw();
    this.on_range(range);
  }
  clear() {
    if (this.range) this.choose(null);
  }

  words(i) {
    const [from, to] = this.span(i, i);
    return `${this.unit > 1 ? `${this.unit_name} from ` : ""}${date(from)}: ${
      some(this.bins[i], "record")}`;
  }

  /* ---- the pointer ---- */
  down(event) {
    if (event.button || !this.bins.length) return;
    this.from = this.bin_at(event);
    this.host.setPointerCapture(event.pointerId);
  }
  move(event) {
    if (!this.bins.length) return;
    const at = this.bin_at(event);
    say(this.tip, this.words(at));
    const x = Math.min(this.width - 190, Math.max(0, (at + 0.5) * this.width / this.bins.length - 95));
    this.tip.style.left = `${Math.max(0, x)}px`;
    if (this.from === undefined || at === this.from) return;
    this.range = this.span(this.from, at);
    this.draw();
  }
  up(event) {
    if (this.from === undefined) return;
    const span = this.span(this.from, this.bin_at(event)), was = this.range;
    const again = span[1] - span[0] === this.unit && was && span[0] >= was[0] && span[1] <= was[1];
    this.from = undefined;
    this.choose(again ? null : span);
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") return this.clear();
    if (!step || !this.bins.length) return;
    event.preventDefault();
    const last = this.bins.length - 1, at = day => Math.floor((day - this.first) / this.unit);
    let [a, b] = this.range ? [at(this.range[0]), at(this.range[1] - 1)] : [last + 1, last + 1];
    b = Math.min(last, Math.max(0, b + step));
    a = event.shiftKey ? Math.min(a, last) : b;
    this.choose(this.span(a, b));
    say(this.tip, this.words(b));
  }
}

export const told = ([from, to]) => to - from === 1 ? date(from) : `${date(from)} – ${date(to - 1)}`;
