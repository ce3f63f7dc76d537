/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet_map.js - the world from above: rooms, doors, furniture, things, robots. North is up; a metre
 * is a metre in both directions. Nodes stay while what they show stays, so that robots glide. What is
 * pointed at is told below.
 */
import { el, number, say, svg } from "./units.js";

const EDGE = 0.5; /* m around it all */
let nodes = new Map(), frame = "";

const text = x => typeof x === "string" ? x : "";
const at = t => Array.isArray(t.where) ? t.where.map(number) : null;
const size = t => Array.isArray(t.size) ? t.size.map(number) : [0, 0, 0];
const place_of = r => Array.isArray(r.pose?.p) ? r.pose.p.map(number) : null;

/* width: px it is drawn in. unit: m, how high names are; they have room at the edge, too. */
function bounds(things, robots, width) {
  const xs = [], ys = [];
  for (const t of things) {
    const p = at(t), [w, d] = size(t);
    if (p && t.kind !== "object") xs.push(p[0] - w / 2, p[0] + w / 2), ys.push(p[1] - d / 2, p[1] + d / 2);
  }
  for (const p of robots.map(place_of)) if (p) xs.push(p[0]), ys.push(p[1]);
  if (!xs.length) return null;
  const [left, right] = [Math.min(...xs) - EDGE, Math.max(...xs) + EDGE];
  const [low, high] = [Math.min(...ys) - EDGE, Math.max(...ys) + EDGE];
  const wide = Math.max(1, right - left), deep = Math.max(1, high - low), unit = Math.max(Math.max(wide, deep) / 60, 9 * wide / (width || 720)); /* 9 px at least */
  const more = Math.max(0, 1.5 * unit - EDGE);
  return { left: left - more, top: -high - more, width: wide + 2 * more, height: deep + 2 * more, unit: unit * (wide + 2 * more) / wide };
}

/* A node by name, made once. */
function node(kept, key, make) {
  const one = nodes.get(key) || make();
  kept.set(key, one);
  return one;
}

function set(one, attributes) {
  for (const [k, v] of Object.entries(attributes)) if (one.getAttribute(k) !== `${v}`) one.setAttribute(k, v);
  return one;
}

function box(kept, t, kind) {
  const [x, y] = at(t), [w, d] = size(t).map((v, i) => v || (i < 2 ? 0.5 : 0));
  return set(node(kept, `${kind} ${t.name}`, () => svg("rect")), { class: kind, x: x - w / 2, y: -y - d / 2, width: w, height: d, rx: kind === "furniture" ? 0.06 : 0 });
}

function label(kept, key, words, attributes) {
  const one = node(kept, `label ${key}`, () => svg("text"));
  say(one, words);
  return set(one, attributes);
}

/* Things that lie on the same piece lie side by side. */
function spread(things, t) {
  const beside = things.filter(o => o.kind === "object" && o.at === t.at), i = beside.indexOf(t);
  const [x, y] = at(t), step = 0.22;
  return [x + (i - (beside.length - 1) / 2) * step, -y];
}

function robot(kept, r, i, unit) {
  const p = place_of(r), one = node(kept, `robot ${r.name}`, () => svg("g", null, svg("circle", { class: "ring" }), svg("circle"), svg("text", { class: "number within" })));
  set(one, { class: `robot ${text(r.state)}`, transform: `translate(${p[0]} ${-p[1]})` });
  const progress = number(r.call?.state === "running" && r.call.progress), round = 2 * Math.PI * 0.42;
  set(one.children[0], { r: 0.42, "stroke-dasharray": `${round * Math.max(0, progress)} ${round}` });
  set(one.children[1], { r: 0.32 });
  set(one.children[2], { "font-size": 0.36 });
  say(one.children[2], `${i + 1}`);
  return one;
}

const facts = t => [text(t.class), text(t.at) && `at ${t.at}`, "open" in t ? (t.open ? "open" : "closed") : "",
  t.seen?.by && `seen by ${text(t.seen.by)}`, t.seen && "sure" in t.seen && `sure ${Math.round(number(t.seen.sure) * 100)} %`,
  Array.isArray(t.holds) && t.holds.length ? `has ${t.holds.join(", ")}` : "", text(t.state)].filter(Boolean).join(", ");

function tells(one, about, name, what) {
  one.onpointerenter = () => { say(about.firstElementChild, name); say(about.lastElementChild, what); };
}

/* Are the rooms that a door joins east and west of each other? Then it lies from north to south. */
function lies_beside(things, door) {
  const [a, b] = (Array.isArray(door.joins) ? door.joins : []).map(n => things.find(t => t.name === n)).map(t => t && at(t));
  return a && b && Math.abs(a[0] - b[0]) > Math.abs(a[1] - b[1]);
}

export function draw_map(host, about, things, robots) {
  const b = bounds(things, robots, host.clientWidth), kept = new Map();
  if (!b) {
    host.replaceChildren(el("p", { class: "none" }, "Nothing is known of the world yet: `omnesia fleet world` reads a map."));
    nodes = kept;
    frame = "";
    return;
  }
  const view = `${b.left} ${b.top} ${b.width} ${b.height}`, unit = b.unit;
  const of = kind => things.filter(t => t.kind === kind && at(t)), all = [];
  for (const t of of("room")) {
    const [x, y] = at(t), [w, d] = size(t);
    all.push(box(kept, t, "room"), label(kept, t.name, text(t.name), { class: "of-room", x: x - w / 2, y: -y - d / 2 - unit / 3, "font-size": unit * 1.1, "stroke-width": unit / 4 }));
  }
  for (const t of of("door")) {
    const [x, y] = at(t), half = (size(t)[0] || 0.9) / 2, beside = lies_beside(things, t);
    const [dx, dy] = beside ? [0, half] : [half, 0];
    all.push(set(node(kept, `door ${t.name}`, () => svg("line")), { class: t.open === false ? "door shut" : "door", x1: x - dx, x2: x + dx, y1: -y - dy, y2: -y + dy }));
  }
  for (const t of of("furniture")) {
    const [x, y] = at(t), d = size(t)[1] || 0.5, one = box(kept, t, "furniture");
    one.classList.toggle("shut", t.open === false);
    tells(one, about, t.name, facts(t));
    all.push(one, label(kept, t.name, text(t.name), { x, y: -y + d / 2 + unit, "font-size": unit, "stroke-width": unit / 4 }));
  }
  robots.forEach((r, i) => {
    if (!place_of(r)) return;
    const one = robot(kept, r, i, unit);
    tells(one, about, r.name, facts(r));
    all.push(one);
  });
  for (const t of of("object")) {
    const held = robots.find(r => r.name === t.at), p = held && place_of(held);
    const [x, y] = p ? [p[0] + 0.3, -p[1] - 0.3] : spread(things, t);
    const one = set(node(kept, `thing ${t.name}`, () => svg("circle")), { class: number(t.seen?.sure ?? 1) < 0.5 ? "thing old" : "thing", cx: x, cy: y, r: 0.11 });
    tells(one, about, t.name, facts(t));
    all.push(one);
  }
  let picture = host.querySelector("svg");
  if (!picture || frame !== view) {
    host.replaceChildren(picture = svg("svg", { viewBox: view, preserveAspectRatio: "xMidYMid meet" }));
    frame = view;
  }
  if (all.length !== picture.children.length || all.some((n, i) => picture.children[i] !== n)) picture.replaceChildren(...all);
  nodes = kept;
}
