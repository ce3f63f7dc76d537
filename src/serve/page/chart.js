/* SPDX-License-Identifier: Apache-2.0
 *
 * chart.js - a line or two over the last two minutes. Samples carry their time, so a page that
 * slept shows a gap, not a line across it. The height is `top`, or the next round number.
 */
import { svg } from "./units.js";

const WINDOW = 120_000, GAP = 4000, HEIGHT = 42, WIDTH = 240;

/* The least round number that is not below x. */
function round_up(x) {
  if (!(x > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(x));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map(f => f * power).find(y => y >= x * 0.999);
}

export class Chart {
  /* lines: [{kind: "accent" or "second", own: true for a scale of its own}]. on_point() is called
   * when the pointer comes to another sample (`shown`; null: it has left). */
  constructor(host, lines, top, on_point) {
    Object.assign(this, { lines, top, on_point, samples: [], shown: null });
    this.paths = lines.map(({ kind }) =>
      ["area", "line"].map(part => svg("path", { class: `${part} ${kind}` })));
    this.rule = svg("path", { class: "rule" });
    this.node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
                             class: "chart", "aria-hidden": "true" },
      svg("path", { class: "base", d: `M0 ${HEIGHT - 0.5}H${WIDTH}` }),
      ...this.paths.flat(), this.rule);
    this.node.addEventListener("pointermove", event => this.point(event));
    this.node.addEventListener("pointerleave", () => this.point(null));
    host.append(this.node);
  }

  push(at, ...values) {
    this.samples.push({ at, values });
    while (this.samples[0].at < at - WINDOW) this.samples.shift();
    const peaks = this.lines.map((_, i) => Math.max(...this.samples.map(s => s.values[i] || 0)));
    const common = Math.max(...peaks.filter((_, i) => !this.lines[i].own));
    this.lines.forEach((line, i) =>
      this.draw(this.paths[i], i, this.top || round_up(line.own ? peaks[i] : common)));
  }

  x(at) { return WIDTH * (1 + (at - this.samples.at(-1).at) / WINDOW); }

  draw([area, line], i, most) {
    const runs = [];
    let before = -Infinity;
    for (const { at, values } of this.samples) {
      if (!Number.isFinite(values[i])) { before = -Infinity; continue; }
      if (at - before > GAP) runs.push([]);
      const y = HEIGHT - 1 - Math.min(values[i] / most, 1) * (HEIGHT - 3);
      runs.at(-1).push(`${this.x(at).toFixed(1)} ${y.toFixed(1)}`);
      before = at;
    }
    const joined = runs.map(points => `M${points.join("L")}`);
    line.setAttribute("d", joined.join(""));
    area.setAttribute("d", joined.map((path, k) =>
      `${path}V${HEIGHT}H${runs[k][0].split(" ")[0]}Z`).join(""));
  }

  point(event) {
    const { left, width } = this.node.getBoundingClientRect();
    this.shown = event && this.samples.reduce((a, b) => {
      const far = s => Math.abs(left + this.x(s.at) * width / WIDTH - event.clientX);
      return far(b) < far(a) ? b : a;
    }, this.samples[0]) || null;
    this.rule.setAttribute("d", this.shown ? `M${this.x(this.shown.at)} 0V${HEIGHT}` : "");
    this.on_point();
  }
}
