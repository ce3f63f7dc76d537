/* SPDX-License-Identifier: Apache-2.0
 *
 * web.js - who and what the records on show have in common, as a graph: entities and relations where
 * records name them; else who speaks in which conversation, and rare words that several records
 * share. Springs pull together what occurs together; a few hundred steps of a small simulation, from
 * where the nodes were before, so that it does not jump. A click shows the records of a node alone.
 */
import { hue } from "./owners.js";
import { el, svg } from "./units.js";

const MOST = { entity: 20, speaker: 8, session: 10, word: 16 }, STEPS = 300, LETTER = 6.4;
const KINDS = { entity: "entity", speaker: "speaker", session: "conversation", word: "shared word" };
const COMMON = new Set(("about after again also always another because been before being best both came "
  + "come could does doing done down each even ever every find first found from gave give goes going "
  + "good have having here into just know last like little long look made make many maybe more most much "
  + "must near need never next nice only other over really right said same says sees seem should since some "
  + "something soon still such sure take tell than thank thanks that their them then there these they "
  + "thing things think this those though through time today told took very want wants well went were "
  + "what when where which while will with would your yours yesterday tomorrow assistant user").split(" "));

const name = (kind, text) => `${kind}\n${text}`;
const text_of = x => typeof x === "string" ? x.trim().slice(0, 60) : "";

function words_of(text) {
  const out = new Set();
  for (const [word] of text.slice(0, 4000).toLowerCase().matchAll(/[\p{L}][\p{L}\p{N}'-]{3,}/gu))
    if (!COMMON.has(word) && !word.includes("'")) out.add(word);
  return out;
}

/* What each record is about: Map of record -> names. Words count when 2 to a third have them. */
function subjects(records) {
  const of = new Map(), had = new Map(), most = Math.max(2, records.length / 3);
  const words = new Map(records.map(r => [r, words_of(r.text)]));
  for (const found of words.values())
    for (const word of found) had.set(word, (had.get(word) || 0) + 1);
  const rare = [...had].filter(([, n]) => n >= 2 && n <= most)
    .sort((a, b) => b[1] * b[0].length - a[1] * a[0].length || (a[0] < b[0] ? -1 : 1))
    .slice(0, 60).map(([word]) => word);
  for (const r of records) {
    const meta = r.meta && typeof r.meta === "object" ? r.meta : {};
    const entities = [meta.from, meta.to, meta.entity].map(text_of).filter(Boolean);
    of.set(r, [...entities.map(e => name("entity", e)), ...[["speaker", r.speaker],
      ["session", r.session]].filter(([, x]) => text_of(x)).map(([kind, x]) => name(kind, text_of(x))),
      ...rare.filter(word => words.get(r).has(word)).map(word => name("word", word))]);
  }
  return of;
}

/* Words are bound to conversations, of a record without one to who spoke; never to each other. */
const bound = (a, b, in_session) =>
  b !== "word" || a === (in_session ? "session" : "speaker") || a === "entity";

/* {nodes, links, of}: the nodes that occur most, of each kind so many, and how often two do so
 * together. */
export function graph(records) {
  const of = subjects(records), often = new Map(), nodes = new Map(), links = new Map();
  for (const names of of.values())
    for (const n of new Set(names)) often.set(n, (often.get(n) || 0) + 1);
  const left = { ...MOST };
  for (const [id, n] of [...often].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))) {
    const [kind, text] = id.split("\n");
    if (left[kind]-- > 0) nodes.set(id, { id, kind, text, n, degree: 0 });
  }
  for (const [r, names] of of) {
    const here = [...new Set(names)].filter(n => nodes.has(n));
    const said = r.meta && text_of(r.meta.from) && text_of(r.meta.to);
    here.forEach((a, i) => here.slice(i + 1).forEach(b => {
      if (!bound(nodes.get(a).kind, nodes.get(b).kind, !!text_of(r.session))) return;
      const id = `${a}\n\n${b}`, label = said && nodes.get(b).kind === "entity"
        ? text_of(r.meta.relationType || r.meta.relation || r.meta.label) : "";
      links.set(id, { a, b, n: (links.get(id)?.n || 0) + 1, label: links.get(id)?.label || label });
    }));
  }
  for (const { a, b } of links.values()) for (const id of [a, b]) nodes.get(id).degree++;
  for (const [id, node] of nodes) if (!node.degree && node.kind === "word") nodes.delete(id);
  return { nodes: [...nodes.values()], links: [...links.values()], of };
}

/* ---- where nodes are ---- */
const places = new Map(); /* id -> [x, y] of 0 to 1, of the last time */

/* Half the width and height of a node with its label, and air around it. */
const size_of = n => 4 + Math.min(8, Math.sqrt(n.n) * 1.6);
function box_of(n) {
  const wide = n.label.length * LETTER / 2 + 5, size = size_of(n);
  return n.kind === "word" ? [wide, 9, 9] : [Math.max(wide, size), size + 3, size + 18];
}

function place(nodes, links, width, height) {
  const at = new Map(nodes.map(n => [n.id, n]));
  const apart = 0.6 * Math.sqrt(width * height / (nodes.length + 1));
  nodes.forEach((n, i) => {
    const angle = i * 2.39996, far = Math.sqrt((i + 0.5) / nodes.length), [px, py] = places.get(n.id)
      || [0.5 + 0.45 * far * Math.cos(angle), 0.5 + 0.45 * far * Math.sin(angle)];
    Object.assign(n, { x: px * width, y: py * height, box: box_of(n) });
  });
  for (let step = 0; step < STEPS; step++) {
    const heat = apart * 0.3 * (1 - step / STEPS);
    for (const n of nodes) {
      n.dx = (width / 2 - n.x) * 0.5 * height / (width + height);
      n.dy = (height / 2 - n.y) * 0.5 * width / (width + height);
    }
    nodes.forEach((a, i) => nodes.slice(i + 1).forEach(b => push(a, b, apart)));
    for (const { a, b } of links) pull(at.get(a), at.get(b), apart);
    for (const n of nodes) {
      const far = Math.hypot(n.dx, n.dy) || 1, go = Math.min(far, heat) / far;
      n.x += n.dx * go;
      n.y += n.dy * go;
    }
    keep_inside(nodes, width, height);
  }
  for (let step = 0; step < 80; step++) {
    nodes.forEach((a, i) => nodes.slice(i + 1).forEach(b => part(a, b)));
    keep_inside(nodes, width, height);
  }
  if (places.size > 2000) places.clear();
  for (const n of nodes) places.set(n.id, [n.x / width, n.y / height]);
}

function keep_inside(nodes, width, height) {
  for (const n of nodes) {
    const [wide, above, below] = n.box;
    n.x = Math.min(width - wide, Math.max(wide, n.x));
    n.y = Math.min(height - below, Math.max(above, n.y));
  }
}

/* All push each other away, as 1 / distance; links pull, as its square. */
function push(a, b, apart) {
  const dx = a.x - b.x || 0.5, dy = a.y - b.y || 0.5, far = Math.max(6, Math.hypot(dx, dy));
  move(a, b, dx, dy, apart * apart / far / far);
}
function pull(a, b, apart) {
  const dx = b.x - a.x, dy = b.y - a.y, far = Math.hypot(dx, dy) || 1;
  move(a, b, dx, dy, far / apart / Math.sqrt(Math.min(a.degree, b.degree)));
}
function move(a, b, dx, dy, force) {
  a.dx += dx * force;
  b.dx -= dx * force;
  a.dy += dy * force;
  b.dy -= dy * force;
}

/* Two that lie on each other go apart, by the shorter way. */
function part(a, b) {
  const dx = a.x - b.x, dy = a.y - b.y, [wa, ua, da] = a.box, [wb, ub, db] = b.box;
  const over_x = wa + wb - Math.abs(dx), over_y = (dy > 0 ? ua + db : da + ub) - Math.abs(dy);
  if (over_x <= 0 || over_y <= 0) return;
  const go = (over_x < over_y ? over_x : over_y) * 0.26, way = x => x < 0 ? -1 : 1;
  const axis = over_x < over_y ? "x" : "y", sign = way(axis === "x" ? dx : dy);
  a[axis] += sign * go;
  b[axis] -= sign * go;
}

/* ---- what is drawn ---- */
function draw_node(n, only) {
  const size = size_of(n), square = n.kind === "session";
  const shape = n.kind === "word" ? [] : [square
    ? svg("rect", { x: -size, y: -size, width: 2 * size, height: 2 * size, rx: 3 })
    : svg("circle", { r: size })];
  const tint = n.kind === "speaker" ? hue(n.text) : n.kind;
  const label = svg("text", { y: n.kind === "word" ? 4 : size + 12, class: "mid" }, n.label);
  const group = svg("g", { class: `node ${n.kind} ${tint}${only === n.id ? " seen" : ""}`,
    transform: `translate(${n.x.toFixed(1)} ${n.y.toFixed(1)})`, tabindex: 0, role: "button",
    "aria-label": `${KINDS[n.kind]} ${n.text}, ${n.n} records`, "aria-pressed": only === n.id,
    "data-node": n.id }, svg("title", null, `${KINDS[n.kind]} ${n.text}: ${n.n}`), ...shape, label);
  return group;
}

export class Web {
  /* on_pick(id or null) when a node is chosen. */
  constructor(host, legend, on_pick) {
    Object.assign(this, { host, legend, on_pick, made: null, only: null, width: 0 });
    const picked = event => {
      const node = event.target.closest("[data-node]");
      if (node) on_pick(node.dataset.node === this.only ? null : node.dataset.node);
    };
    host.addEventListener("click", picked);
    host.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      picked(event);
    });
    for (const [what, on] of [["pointerover", true], ["pointerout", false]])
      host.addEventListener(what, event => this.near(event.target.closest("[data-node]"), on));
    new ResizeObserver(() => {
      if (this.width !== (this.width = host.clientWidth)) this.draw();
    }).observe(host);
  }

  show(made, only) {
    Object.assign(this, { made, only });
    this.draw();
  }

  /* What it is bound to stays bright, all else steps back. */
  near(node, on) {
    const id = on && node?.dataset.node, near = new Set([id]);
    if (id) for (const { a, b } of this.made.links) if (a === id || b === id) near.add(a).add(b);
    for (const n of this.host.querySelectorAll("[data-node]"))
      n.classList.toggle("far", !!id && !near.has(n.dataset.node));
    for (const l of this.host.querySelectorAll("[data-ends]"))
      l.classList.toggle("far", !!id && !l.dataset.ends.split("\n\n").includes(id));
  }

  draw() {
    if (!this.made || !this.width) return;
    const { nodes, links } = this.made, height = this.host.clientHeight;
    if (!nodes.length) {
      this.legend.replaceChildren();
      return this.host.replaceChildren(el("p", { class: "none" },
        "Nothing in common yet. Records with a speaker, a session or the same rare words are bound here."));
    }
    for (const n of nodes) n.label = n.text.length > 20 ? `${n.text.slice(0, 19)}…` : n.text;
    place(nodes, links, this.width, height);
    const at = new Map(nodes.map(n => [n.id, n]));
    const lines = links.map(({ a, b, n }) => svg("path", { class: "link", "data-ends": `${a}\n\n${b}`,
      "stroke-width": Math.min(3.5, 0.7 + n * 0.4),
      d: `M${at.get(a).x.toFixed(1)} ${at.get(a).y.toFixed(1)}L${at.get(b).x.toFixed(1)} ${at.get(b).y.toFixed(1)}` }));
    const words = links.filter(l => l.label).map(({ a, b, label }) => svg("text", { class: "mid relation",
      x: (at.get(a).x + at.get(b).x) / 2, y: (at.get(a).y + at.get(b).y) / 2 }, label.slice(0, 24)));
    this.host.replaceChildren(svg("svg", { width: this.width, height, role: "group",
      "aria-label": "Who and what the records have in common" },
      ...lines, ...words, ...nodes.map(n => draw_node(n, this.only))));
    const kinds = Object.keys(KINDS).filter(kind => nodes.some(n => n.kind === kind));
    this.legend.replaceChildren(...kinds.map(kind =>
      el("span", null, el("i", { class: `swatch ${kind}` }), KINDS[kind])));
  }
}
