/* SPDX-License-Identifier: Apache-2.0
 *
 * share.js - who shares which beginning. Every answer is a row; its tokens run from left to right
 * in the extents they lie in. Rows that begin alike lie together, and an extent they have in common
 * is one block as high as they are many: the tree of prefixes, and its area what sharing saves.
 */
import { hue, on_look, owner_of, pointed } from "./owners.js";
import { count, el, get, say, some, svg, time } from "./units.js";

const LEFT = 92, RIGHT = 58, TOP = 18, HEIGHT = 212, MOST = 64;
const host = get("share"), body = get("jobs").querySelector("tbody");
let width = 0, drawn = null, seen = null;

/* A job as pieces of extents, and where its tokens end. */
function pieces(job, known) {
  const end = job.prompt_tokens + job.tokens, out = [];
  let at = 0;
  for (const ref of job.extents) {
    const e = known.get(ref), before = out.at(-1) || { from: 0 };
    const from = Math.min(end, e?.start >= 0 ? Math.max(before.from, e.start) : at);
    before.to = from; /* what builds upon an extent may leave it before its end */
    at = Math.min(end, Math.max(from, e ? from + e.rows : end));
    out.push({ ref, from, to: at, out: e && !e.memory });
  }
  return { job, end, pieces: out.filter(p => p.to > p.from) };
}

/* Rows so that equal beginnings lie together, larger families first, and their blocks. */
function tree(rows, depth, first, blocks) {
  const families = new Map(), out = [];
  for (const row of rows) {
    const name = row.pieces[depth]?.ref ?? `end ${row.job.id}`;
    families.set(name, [...families.get(name) || [], row]);
  }
  const eldest = family => Math.min(...family.map(row => row.job.id));
  const order = (a, b) => b.length - a.length || eldest(a) - eldest(b);
  for (const family of [...families.values()].sort(order)) {
    const row = first + out.length, piece = family[0].pieces[depth];
    const ordered = piece ? tree(family, depth + 1, row, blocks) : family;
    const to = piece && ordered.map(r => r.pieces[depth].to);
    if (piece) blocks.push({ ...piece, row, to, job: family[0].job });
    out.push(...ordered);
  }
  return out;
}

/* [first, how many] of the most rows in a row that are true */
function longest_run(rows) {
  let best = [0, 0], n = 0;
  rows.forEach((yes, i) => {
    n = yes ? n + 1 : 0;
    if (n > best[1]) best = [i + 1 - n, n];
  });
  return best;
}

function draw_block({ ref, from, to, row, out, job }, x, y, high) {
  const many = to.length, kind = many > 1 ? "shared" : hue(owner_of(job)), left = x(from);
  const edge = to.map((end, i) => `H${x(end) - 1}V${y(row + i) + high}`).join("");
  const d = `M${left} ${y(row)}${edge}H${left}Z`;
  const shape = svg("path", { d, class: `block ${kind}${out ? " out" : ""}`, "data-ref": ref });
  for (const [room, words] of [[130, " tokens × "], [76, " × "]]) {
    const [first, n] = longest_run(to.map(end => x(end) - left > room));
    if (n < 2 || high * n < 14) continue;
    const text = count(Math.min(...to.slice(first, first + n)) - from) + words + n;
    const middle = (y(row + first) + y(row + first + n)) / 2 + 3;
    return [shape, svg("text", { x: left + 8, y: middle, class: "within" }, text)];
  }
  return [shape];
}

function draw_row({ job, end, pieces: has }, i, x, y, high) {
  const at = y(i) + high / 2, from = has.at(-1)?.to || 0, owner = owner_of(job);
  const coming = end > from ? `M${x(from)} ${at}H${x(end)}` : "";
  const out = [svg("path", { class: "coming", d: coming })];
  const write = (to, text) => out.push(svg("text", { x: to, y: at + 3.5, class: "end" }, text));
  if (high < 8) return out;
  write(LEFT - 8, owner.length > 13 ? `${owner.slice(0, 12)}…` : owner);
  write(width, job.state === "writing" ? `+${count(job.tokens)}` : job.state);
  return out;
}

function draw() {
  if (!drawn || !width) return;
  const { rows, blocks, most, summary } = drawn;
  const step = Math.min(20, (HEIGHT - TOP) / rows.length), gap = step > 8 ? 2 : 0.5;
  const x = tokens => LEFT + (width - LEFT - RIGHT) * tokens / most, y = i => TOP + i * step;
  const axis = [0, most / 2, most].flatMap(t => [
    svg("text", { x: x(t), y: 10, class: t ? "mid" : "" }, t ? count(t) : "tokens 0"),
    svg("path", { class: "grid", d: `M${x(t)} ${TOP - 4}V${y(rows.length)}` })]);
  const frame = { width, height: HEIGHT, role: "img", "aria-label": summary };
  host.replaceChildren(svg("svg", frame, ...axis,
    ...rows.flatMap((row, i) => draw_row(row, i, x, y, step - gap)),
    ...blocks.flatMap(b => draw_block(b, x, y, b.to.length > 1 ? step : step - gap))));
  mark(seen);
}

function mark(ref) {
  seen = ref;
  for (const shape of host.querySelectorAll("[data-ref]"))
    shape.classList.toggle("seen", shape.dataset.ref === ref);
}

const table = jobs => body.replaceChildren(...jobs.slice(0, 1000).map(j => el("tr", null,
  ...[j.id, owner_of(j), j.model, j.state, time(j.age_ms / 1000), count(j.prompt_tokens),
    count(j.cached_tokens), count(j.tokens)].map((text, i) =>
    el("td", { class: i > 3 ? "r" : "" }, String(text))))));

export function show_share({ extents, jobs }) {
  const known = new Map(extents.map(e => [e.ref, e])), blocks = [];
  const running = jobs.filter(job => job.extents.length).slice(0, MOST);
  const rows = tree(running.map(job => pieces(job, known)), 0, 0, blocks);
  const waiting = jobs.filter(job => job.state === "waiting").length;
  const held = blocks.reduce((n, b) => n + b.to.reduce((m, to) => m + to - b.from, 0), 0);
  const kept = blocks.reduce((n, b) => n + Math.max(...b.to) - b.from, 0);
  const summary = rows.length
    && `${some(rows.length, "answer")} · ${count(held)} tokens, kept as ${count(kept)}`;
  const facts = [summary, waiting && `${count(waiting)} waiting`];
  say(get("share-facts"), facts.filter(Boolean).join(" · "));
  if (get("jobs").open) table(jobs);
  const longest = Math.max(40, ...rows.map(row => row.end));
  const step = 10 ** Math.floor(Math.log10(longest)) / 5;
  drawn = rows.length ? { rows, blocks, summary, most: Math.ceil(longest / step) * step } : null;
  if (drawn) return draw();
  const none = jobs.length ? "None of the answers has an extent in the region yet."
    : "No answer is being written. When several are, what they have in common is drawn here once.";
  if (host.textContent !== none) host.replaceChildren(el("p", { class: "none" }, none));
}

new ResizeObserver(() => {
  if (width !== (width = host.clientWidth)) draw();
}).observe(host);
pointed(host);
on_look(mark);
