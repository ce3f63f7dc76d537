/* SPDX-License-Identifier: Apache-2.0
 *
 * record.js - one record in the list: who said it, when, and the words that were looked for; opened
 * up, all of its text, where it is from, what it said before, and what was said around it.
 */
import { hue } from "./owners.js";
import { el } from "./units.js";
import { get_json } from "./wire.js";

const AROUND = 3;
const MINE = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };

function when_of(r, clock) {
  const at = new Date(r.from || NaN);
  if (Number.isNaN(+at)) return typeof r.time === "string" && r.time ? r.time.slice(0, 40) : "time unknown";
  const exact = clock && !/T00:00:00/.test(r.from);
  return at.toLocaleString("en-GB", exact ? { ...MINE, hour: "2-digit", minute: "2-digit" } : MINE);
}

/* The text, with words that begin like those looked for marked. */
function marked(text, words) {
  if (!words.length) return [text];
  const any = words.map(w => w.slice(0, Math.max(3, w.length - 2))).join("|");
  const out = [];
  let last = 0;
  for (const m of text.matchAll(new RegExp(`(?<![\\p{L}\\p{N}])(?:${any})[\\p{L}\\p{N}]*`, "giu"))) {
    out.push(text.slice(last, m.index), el("mark", null, m[0]));
    last = m.index + m[0].length;
  }
  return [...out, text.slice(last)];
}

const speaker_of = r => typeof r.speaker === "string" && r.speaker
  ? [el("span", { class: `by ${hue(r.speaker)}` }, r.speaker.slice(0, 40))] : [];

const line = (r, own) => el("li", own ? { class: "own" } : null, ...speaker_of(r), " ",
  el("span", null, r.text.length > 240 ? `${r.text.slice(0, 239)}…` : r.text));

/* ---- opened ---- */
function facts(r, actions) {
  const meta = r.meta && typeof r.meta === "object" ? JSON.stringify(r.meta) : "";
  const rows = [["said", when_of(r, true)], ["until", r.until && when_of({ from: r.until }, true)],
    ["from", r.source], ["as", r.ref], ["kind", r.kind], ["agent", r.agent], ["also", meta.slice(0, 300)]];
  const out = rows.filter(([, text]) => typeof text === "string" && text)
    .flatMap(([name, text]) => [el("dt", null, name), el("dd", null, text)]);
  if (typeof r.session === "string" && r.session) {
    const button = el("button", { class: "link-like" }, r.session.slice(0, 60));
    button.addEventListener("click", () => actions.session(r.session));
    out.push(el("dt", null, "in"), el("dd", null, button));
  }
  return el("dl", { class: "facts" }, ...out);
}

async function history(r, host) {
  const { results } = await get_json(`v1/memories/${r.id}/history?budget=4000`);
  if (!Array.isArray(results) || results.length < 2) return;
  host.append(el("h3", null, "What it said"), el("ol", { class: "past" }, ...results.map(v =>
    el("li", { class: v.expired ? "was" : "own" },
      el("span", { class: "muted" }, `${when_of(v, true)} `), el("span", null, v.text)))));
}

async function around(r, host) {
  if (typeof r.session !== "string" || !r.session) return;
  const at = `v1/memories?session=${encodeURIComponent(r.session)}&limit=${AROUND}&after=${r.id}`;
  const [before, behind] = await Promise.all([get_json(`${at}&newest=true`), get_json(at)]);
  const near = [...(before.results || []).toReversed(), r, ...behind.results || []];
  if (near.length < 2) return;
  host.append(el("h3", null, "Around it"),
    el("ol", { class: "past" }, ...near.map(n => line(n, n === r))));
}

function opened(r, actions) {
  const more = el("div", { class: "more" }, facts(r, actions));
  const old = el("div"), near = el("div"), forget = el("button", { class: "quiet danger-like" }, "Forget");
  forget.addEventListener("click", () => actions.forget(r));
  more.append(old, near, el("div", { class: "row" }, el("span", { class: "muted num" }, `#${r.id}`),
    el("span", { class: "grow" }), forget));
  for (const [find, host] of [[history, old], [around, near]])
    find(r, host).catch(error => host.append(el("p", { class: "wrong" }, error.message)));
  return more;
}

/* words: to mark; open; fresh: it has just come; actions: {open, session, forget} */
export function record_view(r, { words, open, fresh, actions }) {
  const text = el("span", { class: "text" }, ...marked(r.text, words));
  const head = el("button", { class: "head", "aria-expanded": open },
    el("span", { class: "line" }, ...speaker_of(r), el("span", { class: "muted num" }, when_of(r)),
      el("span", { class: "grow" }), ...typeof r.kind === "string" && r.kind ? [el("span", { class: "tag" }, r.kind.slice(0, 20))] : [],
      ...r.bytes ? [el("span", { class: "muted" }, "cut")] : []), text);
  head.addEventListener("click", () => actions.open(r, !open));
  return el("li", { class: `record${open ? " open" : ""}${fresh ? " fresh" : ""}`, "data-id": r.id },
    head, ...open ? [opened(r, actions)] : []);
}
