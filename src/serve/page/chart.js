/* SPDX-License-Identifier: Apache-2.0
 *
 * chart.js - a line or a few over the last two minutes, as SVG. Samples carry their time, so a page
 * that slept shows a gap, never a line across what nobody measured. The height is 0 to `top`, or to
 * the next round number above what is shown.
 */
import { svg } from "./units.js";

const WINDOW = 120_000, GAP = 4_000, HEIGHT = 48, WIDTH = 240;

/* 1, 2 or 5 and zeros: the least that is not below x */
export function round_up(x) {
  if (!(x > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(x));
  return [1, 2, 5, 10].map(f => f * power).find(y => y >= x * 0.999);
}

export class Chart {
  /* lines: [{kind: "accent" or "second", own: true for a scale of its own}] */
  constructor(host, lines, top) {
    this.lines = lines.map(line => ({ ...line, area: svg("path", { class: `area ${line.kind}` }),
                                      path: svg("path", { class: `line ${line.kind}` }) }));
    this.samples = [];
    this.top = top;
    this.rule = svg("path", { class: "rule", visibility: "hidden" });
    this.node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
                             class: "chart", "aria-hidden": "true" },
      svg("path", { class: "base", d: `M0 ${HEIGHT - 0.5}H${WIDTH}` }),
      ...this.lines.flatMap(line => [line.area, line.path]), this.rule);
    this.shown = null; /* what the pointer is on; told through on_point(sample or null) */
    this.node.addEventListener("pointermove", event => this.point(event));
    this.node.addEventListener("pointerleave", () => this.point(null));
    host.append(this.node);
  }

  push(at, ...values) {
    this.samples.push({ at, values });
    while (this.samples.length && this.samples[0].at < at - WINDOW) this.samples.shift();
    this.draw(at);
  }

  peak(i) {
    let most = 0;
    for (const { values } of this.samples) if (values[i] > most) most = values[i];
    return most;
  }

  draw(now) {
    const x = at => (WIDTH * (at - now + WINDOW) / WINDOW).toFixed(1);
    const shared = round_up(Math.max(...this.lines.map((line, i) => line.own ? 0 : this.peak(i))));
    this.lines.forEach((line, i) => {
      const most = this.top || (line.own ? round_up(this.peak(i)) : shared);
      const y = v => (HEIGHT - 1 - Math.min(v / most, 1) * (HEIGHT - 3)).toFixed(1);
      let path = "", area = "", start = null, before = null;
      const end = () => { if (start !== null) area += `V${HEIGHT}H${start}Z`; start = null; };
      for (const { at, values } of this.samples) {
        const there = Number.isFinite(values[i]), joins = before !== null && at - before < GAP;
        if (!there || !joins) end();
        if (there) {
          const point = `${x(at)} ${y(values[i])}`;
          path += (start === null ? "M" : "L") + point;
          area += start === null ? `M${point}` : `L${point}`;
          if (start === null) start = x(at);
        }
        before = there ? at : null;
      }
      if (start !== null) area += `V${HEIGHT}H${start}Z`;
      line.path.setAttribute("d", path);
      line.area.setAttribute("d", area);
    });
  }

  point(event) {
    let near = null;
    if (event && this.samples.length) {
      const box = this.node.getBoundingClientRect(), now = this.samples.at(-1).at;
      const at = now - WINDOW + WINDOW * (event.clientX - box.left) / box.width;
      near = this.samples.reduce((a, b) => Math.abs(b.at - at) < Math.abs(a.at - at) ? b : a);
      const x = WIDTH * (near.at - now + WINDOW) / WINDOW;
      this.rule.setAttribute("d", `M${x} 0V${HEIGHT}`);
    }
    this.rule.setAttribute("visibility", near ? "visible" : "hidden");
    this.shown = near;
    if (this.on_point) this.on_point(near);
  }
}
