/* SPDX-License-Identifier: Apache-2.0
 *
 * share.js - who shares which beginning. Every answer is a row, its tokens run from left to right in
 * the extents they lie in; rows that begin alike lie together, and an extent they have in common is
 * one block as high as they are many. So what is drawn is the tree of prefixes, and its area is what
 * would be stored, and computed, without sharing. Rows of answers that wait have no extents yet and
 * are counted only.
 */
import { look, on_look, owner_of, paint_job } from "./owners.js";
import { count, el, get, say, some, svg, time } from "./units.js";

const LEFT = 92, RIGHT = 58, TOP = 18, HEIGHT = 212, MOST = 64;

/* A job as pieces of extents: [{ref, from, to}], and where it ends. */
function pieces(job, known) {
  const total = job.prompt_tokens + job.tokens, out = [];
  let at = 0;
  job.extents.forEach(ref => {
    const e = known.get(ref), from = Math.min(total, e && e.start >= 0 ? Math.max(e.start, at) : at);
    if (out.length) out.at(-1).to = from;
    out.push({ ref, from, to: at = Math.min(total, Math.max(from, e ? from + e.rows : total)), extent: e });
  });
  return { job, pieces: out.filter(p => p.to > p.from), end: total };
}

/* Order rows so that equal beginnings lie together, larger families first; blocks of the tree. */
function tree(rows, depth, first, blocks) {
  const families = new Map(), out = [];
  for (const row of rows) {
    const piece = row.pieces[depth], name = piece ? piece.ref : `end ${row.job.id}`;
    if (!families.has(name)) families.set(name, []);
    families.get(name).push(row);
  }
  const age = family => Math.min(...family.map(row => row.job.id));
  const sorted = [...families.values()].sort((a, b) => b.length - a.length || age(a) - age(b));
  for (const family of sorted) {
    const here = first + out.length, piece = family[0].pieces[depth];
    const ordered = piece ? tree(family, depth + 1, here, blocks) : family;
    if (piece) blocks.push({ ref: piece.ref, extent: piece.extent, from: piece.from, row: here,
                             to: ordered.map(row => row.pieces[depth].to), job: family[0].job });
    out.push(...ordered);
  }
  return out;
}

const host = get("share");
let width = 0, drawn = null, seen = null;

function outline(block, x, y, high) {
  let path = `M${x(block.from)} ${y(block.row)}`;
  block.to.forEach((to, i) => { path += `H${x(to) - 1}V${y(block.row + i) + high}`; });
  return `${path}H${x(block.from)}Z`;
}

function draw_block(block, x, y, high) {
  const many = block.to.length, kind = many > 1 ? "shared" : paint_job(block.job);
  const out = block.extent && !block.extent.memory ? " out" : "";
  const shape = svg("path", { d: outline(block, x, y, high), class: `block ${kind}${out}`, "data-ref": block.ref });
  const wide = x(Math.min(...block.to)) - x(block.from), tokens = Math.max(...block.to) - block.from;
  const text = [`${count(tokens)} tokens × ${many}`, `${count(tokens)} × ${many}`, `× ${many}`]
    .find(words => many > 1 && wide > 7.2 * words.length + 16);
  if (!text || high * many < 14) return [shape];
  return [shape, svg("text", { x: x(block.from) + 8, y: y(block.row) + high * many / 2 + 4, class: "within" }, text)];
}

function draw_row(row, i, x, y, high) {
  const out = [], middle = y(i) + high / 2 + 3.5, { job } = row;
  const last = row.pieces.at(-1), at = last ? last.to : 0;
  if (row.end > at) out.push(svg("path", { class: "coming", d: `M${x(at)} ${y(i) + high / 2}H${x(row.end)}` }));
  if (high < 10) return out;
  const name = owner_of(job);
  out.push(svg("text", { x: LEFT - 8, y: middle, class: "end" }, name.length > 13 ? `${name.slice(0, 12)}…` : name),
    svg("text", { x: width, y: middle, class: `end ${job.state === "writing" ? "strong" : ""}` },
      job.state === "writing" ? `+${count(job.tokens)}` : job.state));
  return out;
}

function draw() {
  if (!drawn || !width) return;
  const { rows, blocks, most } = drawn;
  const high = Math.min(20, Math.floor(10 * (HEIGHT - TOP) / Math.max(rows.length, 1)) / 10);
  const x = tokens => LEFT + (width - LEFT - RIGHT) * tokens / most, y = i => TOP + i * high;
  const gap = high > 8 ? 2 : 0.5;
  const ticks = [0, most / 2, most].map(t => svg("text", { x: x(t), y: 10, class: t ? "tick mid" : "tick" },
    t ? count(t) : "tokens 0"));
  const lines = [0, most / 2, most].map(t => svg("path", { class: "grid", d: `M${x(t)} ${TOP - 4}V${TOP + rows.length * high}` }));
  host.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img",
                                    "aria-label": drawn.summary }, ...ticks, ...lines,
    ...rows.flatMap((row, i) => draw_row(row, i, x, y, high - gap)),
    ...blocks.flatMap(block => draw_block(block, x, y, high - gap + (block.to.length > 1 ? gap : 0)))));
  mark(seen);
}

function mark(ref) {
  seen = ref;
  for (const shape of host.querySelectorAll("[data-ref]"))
    shape.classList.toggle("seen", Number(shape.dataset.ref) === ref);
}

function table(jobs) {
  const body = get("jobs").querySelector("tbody");
  if (!get("jobs").open) return;
  body.replaceChildren(...jobs.slice(0, 1000).map(j => el("tr", null, ...[j.id, owner_of(j), j.model, j.state].map(v => el("td", null, String(v))),
    ...[time(j.age_ms / 1000), count(j.prompt_tokens), count(j.cached_tokens), count(j.tokens)].map(v => el("td", { class: "r" }, v)))));
}

export function show_share(state) {
  const known = new Map(state.extents.map(e => [e.ref, e]));
  const running = state.jobs.filter(job => job.extents.length).slice(0, MOST);
  const waiting = state.jobs.filter(job => job.state === "waiting").length;
  table(state.jobs);
  const blocks = [], rows = tree(running.map(job => pieces(job, known)), 0, 0, blocks);
  const held = blocks.reduce((n, b) => n + b.to.reduce((m, to) => m + to - b.from, 0), 0);
  const kept = blocks.reduce((n, b) => n + Math.max(...b.to) - b.from, 0);
  const summary = rows.length ? `${some(rows.length, "answer")} · ${count(held)} tokens, kept as ${count(kept)}` : "";
  say(get("share-facts"), [summary, waiting ? `${count(waiting)} waiting` : ""].filter(Boolean).join(" · "));
  if (!rows.length) {
    drawn = null;
    const none = state.jobs.length ? "Answers are running or waiting, but have no extents in the region yet."
      : "No answer is being written. When several are, what they have in common is drawn here once.";
    if (host.textContent !== none) host.replaceChildren(el("p", { class: "none" }, none));
    return;
  }
  const longest = Math.max(...rows.map(row => row.end), 40), step = 10 ** Math.floor(Math.log10(longest)) / 5;
  drawn = { rows, blocks, summary: `${summary}.`, most: Math.ceil(longest / step) * step };
  draw();
}

new ResizeObserver(() => { if (host.clientWidth !== width) { width = host.clientWidth; draw(); } }).observe(host);
host.addEventListener("pointerover", event => {
  const shape = event.target.closest("[data-ref]");
  look(shape ? Number(shape.dataset.ref) : null);
});
host.addEventListener("pointerleave", () => look(null));
on_look(mark);
