/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet_plan.js - the plan as a graph: a lane for each robot, a column for each depth, lines from what
 * a step waits for. A step that asks a person is pressed to let it run.
 */
import { el, svg } from "./units.js";

const WIDE = 172, HIGH = 40, LEFT = 96, GAP = 26, BOX = WIDE - GAP, TALL = 26;
const text = x => typeof x === "string" ? x : "";
let drawn = "";

/* Columns: behind all it waits for, and behind what its robot does before. */
function columns(steps) {
  const by = new Map(steps.map(s => [s.id, s])), depth = new Map(), last = new Map();
  const of = (s, seen) => {
    if (depth.has(s.id) || seen.has(s.id)) return depth.get(s.id) || 0;
    seen.add(s.id);
    const before = (Array.isArray(s.after) ? s.after : []).map(id => by.get(id)).filter(Boolean);
    const d = Math.max(0, ...before.map(b => of(b, seen) + 1));
    depth.set(s.id, d);
    return d;
  };
  for (const s of steps) {
    const d = Math.max(of(s, new Set()), (last.get(s.robot) ?? -1) + 1);
    depth.set(s.id, d);
    last.set(s.robot, d);
  }
  return depth;
}

function step_node(s, x, y, confirm) {
  const asked = s.state === "asked", args = Object.values(s.args || {}).filter(v => typeof v === "string").join(" ");
  const words = `${text(s.skill)} ${args}`, state = ["given", "running"].includes(s.state) ? "running" : s.state === "waiting" ? "later" : text(s.state);
  const one = svg("g", { class: `step ${state}`, transform: `translate(${x} ${y})`, "data-step": s.id,
    ...asked ? { tabindex: 0, role: "button", "aria-label": `Let ${text(s.robot)} ${words}` } : {} },
    svg("title", null, `${s.id} ${text(s.robot)}: ${words}, ${state}${s.code ? `, ${text(s.code)}: ${text(s.text)}` : ""}${s.why ? `\n${text(s.why)}` : ""}`),
    svg("rect", { width: BOX, height: TALL, rx: 7 }),
    svg("text", { x: 9, y: TALL / 2 }, words.length > 19 ? `${words.slice(0, 18)}…` : words));
  if (!asked) return one;
  one.addEventListener("click", () => confirm(s));
  one.addEventListener("keydown", event => { if (event.key !== "Enter" && event.key !== " ") return; event.preventDefault(); confirm(s); });
  return one;
}

export function draw_plan(host, steps, confirm) {
  const now = JSON.stringify(steps.map(s => [s.id, s.state, s.after, s.robot, s.code]));
  if (now === drawn) return;
  drawn = now;
  if (!steps.length) return host.replaceChildren(el("p", { class: "none" }, "No plan yet."));
  const lanes = [...new Set(steps.map(s => text(s.robot)))], depth = columns(steps);
  const x = s => LEFT + depth.get(s.id) * WIDE, y = s => lanes.indexOf(text(s.robot)) * HIGH + (HIGH - TALL) / 2;
  const by = new Map(steps.map(s => [s.id, s])), width = LEFT + (Math.max(...depth.values()) + 1) * WIDE;
  const edges = steps.flatMap(s => (Array.isArray(s.after) ? s.after : []).map(id => by.get(id)).filter(Boolean).map(b => {
    const [x0, y0, x1, y1] = [x(b) + BOX, y(b) + TALL / 2, x(s), y(s) + TALL / 2], c = Math.max(12, (x1 - x0) / 2);
    return svg("path", { class: "edge", d: `M${x0} ${y0}C${x0 + c} ${y0} ${x1 - c} ${y1} ${x1} ${y1}` });
  }));
  const had = document.activeElement?.dataset?.step;
  host.replaceChildren(svg("svg", { width, height: lanes.length * HIGH, role: "list" },
    ...lanes.map((name, i) => svg("rect", { class: i % 2 ? "" : "stripe", fill: "none", x: 0, y: i * HIGH, width, height: HIGH })),
    ...lanes.map((name, i) => svg("text", { class: "lane", x: 8, y: i * HIGH + HIGH / 2 }, name.slice(0, 12))),
    ...edges, ...steps.map(s => step_node(s, x(s), y(s), confirm))));
  if (had) (host.querySelector(`.asked[data-step="${CSS.escape(had)}"]`) || host.querySelector(".asked") || host).focus();
  return undefined;
}
