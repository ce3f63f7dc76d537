/* SPDX-License-Identifier: Apache-2.0
 *
 * tasks.js - plans of agents: each as a line with how far it is, the chosen one as a tree. A row is a
 * task, below and right of what it is part of, with a shape and a colour for its status; in the
 * gutter lines lead from what is built on to who builds on it, one lane for each that is. Pressed, a
 * row shows all of its text, what it builds on, and what it was before. Rows are HTML, as wide as
 * there is room; the lines are one picture under them, drawn anew when rows have moved.
 */
import { el, get, say, some, svg } from "./units.js";
import { get_json } from "./wire.js";

const STATUSES = ["pending", "done", "failed"], LANE = 9, FAR = 12, SHOWN = 30, PAGES = 20;
const SHAPES = { /* in a box of 16 */
  pending: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11z",
  done: "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13zM4.6 8.2l2.4 2.4l4.4-4.8",
  failed: "M2 2h12v12h-12zM5 5l6 6M11 5l-6 6",
};
const AT = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
let trees = [], chosen = 0, tasks = [], left = 0, open = 0, wanted = 0, seen = null;

const line = text => typeof text === "string" ? text : "";
const status_of = t => STATUSES.includes(t?.status) ? t.status : "pending";
const ids = x => Array.isArray(x) ? x.filter(Number.isFinite) : [];
const shape = status => svg("svg", { class: `shape ${status}`, viewBox: "0 0 16 16", role: "img",
  "aria-label": status }, svg("path", { d: SHAPES[status] }));

/* ---- plans ---- */
function meter(tree) {
  const all = STATUSES.reduce((n, s) => n + (+tree[s] || 0), 0) || 1;
  const bar = el("span", { class: "progress", "aria-hidden": "true" });
  for (const s of ["done", "failed"]) {
    const part = el("i", { class: s });
    part.style.width = `${100 * (+tree[s] || 0) / all}%`;
    bar.append(part);
  }
  return bar;
}

function plan(tree) {
  const on = tree.id === chosen, all = STATUSES.reduce((n, s) => n + (+tree[s] || 0), 0);
  const far = [`${+tree.done || 0} of ${all} done`, tree.failed && `${tree.failed} failed`,
    tree.flagged && `${tree.flagged} to look at again`].filter(Boolean).join(", ");
  const button = el("button", { class: "plan", "aria-expanded": on, "data-plan": tree.id },
    el("span", { class: "slot" }, line(tree.slot)), meter(tree),
    el("span", { class: "muted num" }, far));
  button.addEventListener("click", () => choose(on ? 0 : tree.id));
  return button;
}

/* ---- a tree ---- */
/* In the order they are drawn, [task, depth]; whatever links came, each once. */
function ordered() {
  const below = new Map(), known = new Set(tasks.map(t => t.id)), out = [];
  for (const t of tasks) {
    const at = known.has(t.parent) && t.id !== chosen ? t.parent : null;
    below.set(at, [...below.get(at) || [], t]);
  }
  const rest = (below.get(null) || []).map(t => [t, 0]).toReversed();
  while (rest.length) {
    const [t, depth] = rest.pop();
    out.push([t, depth]);
    rest.push(...(below.get(t.id) || []).map(c => [c, depth + 1]).toReversed());
  }
  return out;
}

const named = id => {
  const t = tasks.find(x => x.id === id), name = t ? line(t.slot) : "of another plan";
  const button = el("button", { class: "link-like" }, `#${id} ${name.slice(0, 60)}`);
  button.addEventListener("click", () => { open = id; draw(id); });
  return el("li", null, ...t ? [shape(status_of(t))] : [], button);
};

function facts(t) {
  const rows = [["builds on", ids(t.deps)], ["is built on by",
    tasks.filter(x => ids(x.deps).includes(t.id)).map(x => x.id)], ["goes beside", [t.beside]],
    ["stands for", [t.replaces]], ["replaced by", [t.replaced]]];
  return el("dl", { class: "facts" }, ...rows.filter(([, to]) => to.some(Number.isFinite))
    .flatMap(([name, to]) => [el("dt", null, name), el("dd", null, el("ul", null, ...to.map(named)))]));
}

/* What it was, as its record knows; the text of that begins with the name. */
async function past(t, host) {
  const { results } = await get_json(`v1/memories/${t.id}/history?budget=8000`);
  const was = (Array.isArray(results) ? results : []).filter(v => v && typeof v.text === "string");
  if (was.length < 2) return;
  const told = v => v.text.startsWith(`${t.slot}: `) ? v.text.slice(t.slot.length + 2) : v.text;
  host.append(el("h3", null, "What it was"), el("ol", { class: "past" }, ...was.map(v =>
    el("li", { class: v.expired ? "" : "own" }, shape(status_of(v.meta?.task)),
      el("span", { class: "muted num" }, new Date(v.created).toLocaleString("en-GB", AT)),
      el("span", null, told(v))))));
  lines();
}

function opened(t) {
  const before = el("div");
  past(t, before).catch(error => before.append(el("p", { class: "wrong" }, error.message)));
  return el("div", { class: "more" }, ...line(t.text) ? [el("p", { class: "text" }, t.text)] : [],
    ...t.flagged ? [el("p", { class: "look" }, "What it builds on has changed since.")] : [], facts(t), before,
    el("p", { class: "muted num" }, `#${t.id}, version ${+t.version || 1}`));
}

function row([t, depth]) {
  const on = t.id === open, status = status_of(t), fresh = seen && seen.get(t.id) !== t.version;
  const head = el("button", { class: "head", "aria-expanded": on }, shape(status),
    el("span", { class: "slot" }, line(t.slot)), el("span", { class: "what" }, line(t.text).split("\n")[0]),
    ...Number.isFinite(t.replaced) ? [el("span", { class: "tag" }, `now #${t.replaced}`)] : [],
    ...t.flagged ? [el("span", { class: "tag look" }, "look again")] : []);
  const out = el("li", { "data-task": t.id, class: `task ${status}${t.flagged ? " flagged" : ""}${
    Number.isFinite(t.replaced) ? " replaced" : ""}${on ? " open" : ""}${fresh ? " fresh" : ""}` },
  head, ...on ? [opened(t)] : []);
  out.style.setProperty("--deep", Math.min(depth, FAR));
  head.addEventListener("click", () => { open = on ? 0 : t.id; draw(t.id); });
  for (const [event, far] of [["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]])
    out.addEventListener(event, () => {
      for (const path of get("task-lines")?.querySelectorAll(".dep") || [])
        path.classList.toggle("far", far && path.dataset.of !== `${t.id}` && path.dataset.to !== `${t.id}`);
    });
  return out;
}

/* The lane of each task that is built on: the first that is free from its row to the last one. */
function lanes(rows) {
  const at = new Map(rows.map(([t], i) => [t.id, i])), spans = new Map(), ends = [];
  for (const [t] of rows)
    for (const d of ids(t.deps).filter(x => at.has(x))) {
      const [from, to] = spans.get(d) || [at.get(d), at.get(d)];
      spans.set(d, [Math.min(from, at.get(t.id)), Math.max(to, at.get(t.id))]);
    }
  const lane = new Map();
  for (const [d, [from, to]] of [...spans].sort((a, b) => a[1][0] - b[1][0])) {
    let i = ends.findIndex(end => end < from);
    if (i < 0) i = ends.length;
    ends[i] = to;
    lane.set(d, i);
  }
  return [lane, ends.length];
}

function lines() {
  const host = get("task-tree"), picture = get("task-lines"), rows = host ? ordered() : [];
  if (!picture) return;
  const [lane, n] = lanes(rows), most = Math.max(1, Math.floor(host.clientWidth / 8 / LANE));
  host.style.setProperty("--gutter", `${n ? Math.min(n, most) * LANE + 10 : 0}px`);
  const base = host.getBoundingClientRect(), box = new Map(rows.map(([t]) => {
    const r = host.querySelector(`[data-task="${t.id}"] .head`).getBoundingClientRect();
    return [t.id, { left: r.left - base.left, right: r.right - base.left, y: r.top - base.top + r.height / 2 }];
  }));
  const out = [];
  for (const [t, depth] of rows) {
    const to = box.get(t.id), parent = depth ? box.get(t.parent) : to;
    const x = parent.left + Math.min(18, (to.left - parent.left) / 2);
    if (to.left > parent.left) out.push(svg("path", { class: "branch",
      d: `M${x} ${parent.y + 17}V${to.y - 5}q0 5 5 5H${to.left}` }));
    for (const d of ids(t.deps).filter(x => lane.has(x))) {
      const from = box.get(d), far = from.right + 10 + lane.get(d) % most * LANE, down = to.y > from.y ? 1 : -1;
      out.push(svg("path", { class: `dep${t.flagged ? " look" : ""}`, "data-of": d, "data-to": t.id,
        d: `M${from.right} ${from.y + 5 * down}H${far - 4}q4 0 4 ${4 * down}V${to.y - 5 * down}q0 ${4 * down} -4 ${
          4 * down}H${to.right + 2}m5 -4l-5 4l5 4` }));
    }
  }
  const late = path => path.classList.contains("look"); /* drawn over those that share their lane */
  picture.replaceChildren(...out.sort((a, b) => late(a) - late(b)));
  picture.setAttribute("width", host.clientWidth);
  picture.setAttribute("height", host.scrollHeight);
}

for (const s of STATUSES.toReversed())
  get("task-legend").prepend(el("span", null, shape(s), s));
const moved = new ResizeObserver(lines);

/* keep: the task whose row has the focus, when there is one. */
function draw(keep) {
  const host = get("task-trees"), rows = ordered();
  const scrolled = host.querySelector(".tree")?.scrollTop || 0;
  host.replaceChildren(...trees.slice(0, SHOWN).flatMap(tree => tree.id !== chosen ? [plan(tree)]
    : [plan(tree), el("div", { class: "tree" }, el("div", { id: "task-tree" },
      svg("svg", { id: "task-lines", "aria-hidden": "true" }), el("ol", null, ...rows.map(row))),
    ...left ? [el("p", { class: "none" }, `${some(left, "task")} more had no room.`)] : [])]));
  if (scrolled && chosen) host.querySelector(".tree").scrollTop = scrolled;
  if (keep) host.querySelector(`[data-task="${keep}"] .head`)?.focus({ preventScroll: true });
  moved.disconnect();
  if (get("task-tree")) moved.observe(get("task-tree"));
  lines();
  get("tasks").hidden = !trees.length;
  get("task-legend").hidden = !chosen;
  const count = s => trees.reduce((n, t) => n + (+t[s] || 0), 0);
  say(get("tasks-facts"), `${some(trees.length, "plan")}${
    trees.length > SHOWN ? `, the newest ${SHOWN} shown` : ""}; ${count("done")} of ${some(STATUSES.reduce((n, s) => n + count(s), 0), "task")} done`);
}

/* ---- what is asked ---- */
async function fetch_tree(mine) {
  const got = chosen ? await get_json(`v1/tasks/${chosen}?budget=20000`) : {};
  if (mine !== wanted) return;
  tasks = (Array.isArray(got.tasks) ? got.tasks : []).filter(t => t && Number.isFinite(t.id));
  left = +got.left || 0;
}

async function choose(id) {
  const mine = ++wanted;
  chosen = id;
  open = 0;
  seen = null;
  await fetch_tree(mine).catch(() => { tasks = []; });
  if (mine !== wanted) return;
  draw();
  get("task-trees").querySelector(`[data-plan="${id}"]`)?.focus();
}

/* The newest first; pages begin with the oldest. */
async function fetch_trees() {
  const out = [];
  for (let page = 0, after = 0; page < PAGES && Number.isFinite(after); page++) {
    const got = await get_json(`v1/tasks?limit=1000&budget=20000&after=${after}`);
    out.push(...(Array.isArray(got.trees) ? got.trees : []).filter(t => t && Number.isFinite(t.id)));
    after = got.next;
  }
  return out.toReversed();
}

/* All anew, when something has changed; an older server has no plans, and then nothing is shown. */
export async function refresh_tasks() {
  const mine = ++wanted;
  try {
    const now = await fetch_trees();
    if (mine !== wanted) return;
    const before = new Map(tasks.map(t => [t.id, t.version])), known = trees.length;
    trees = now;
    if (!trees.some(t => t.id === chosen)) chosen = known && !chosen ? 0 : trees[0]?.id || 0;
    await fetch_tree(mine);
    if (mine !== wanted) return;
    seen = before.size ? before : null;
    const { task } = document.activeElement?.closest?.("[data-task]")?.dataset || {};
    draw(task);
  } catch (error) {
    if (mine === wanted) get("tasks").hidden = true;
  }
}
