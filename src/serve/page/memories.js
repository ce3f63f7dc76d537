/* SPDX-License-Identifier: Apache-2.0
 *
 * memories.js - what agents remember: found as it is typed, over time, and by what records have in
 * common. The newest are shown until somebody searches. `remembered.version` of the state is another
 * number whenever anybody changed something: then, and only while it is looked at, all is asked for
 * anew. What others wrote is text here, whatever is in it.
 */
import { record_view } from "./record.js";
import { refresh_tasks } from "./tasks.js";
import { Timeline, told } from "./timeline.js";
import { count, el, get, say, some } from "./units.js";
import { Web, graph } from "./web.js";
import { get_json, send_json } from "./wire.js";

const TYPING = 160, EVERY = 10_000, PAGE = "limit=60&budget=12000", FOUND = 40;
const field = get("seek"), list = get("records");
let seen = false, there = null, version = null, at = 0, wanted = 0, timer = 0, asked_at = 0;
let overview = null, records = [], next = null, only = null, session = null, open = 0, made = null;
let known = null; /* ids that were there: what comes later lights up */

const timeline = new Timeline(get("timeline"), () => load());
const web = new Web(get("web"), get("web-legend"), id => {
  only = id;
  show();
});

/* ---- what is shown ---- */
const day_of = r => Math.floor(Date.parse(r.from || r.created) / 86_400_000);
const in_time = r => !timeline.range || !field.value.trim()
  || day_of(r) >= timeline.range[0] && day_of(r) < timeline.range[1];
const shown = () => records.filter(r => in_time(r) && (!only || made.of.get(r)?.includes(only)));

/* What narrows the list, each with a way out. */
function chips() {
  const out = [[session, () => { session = null; load(); }],
    [only && only.split("\n")[1], () => { only = null; show(); }],
    [timeline.range && told(timeline.range), () => timeline.clear()]];
  get("chips").replaceChildren(...out.filter(([text]) => text).map(([text, off]) => {
    const chip = el("button", { class: "chip", title: "show all again" },
      `${text.length > 32 ? `${text.slice(0, 31)}…` : text} ×`);
    chip.addEventListener("click", off);
    return chip;
  }));
}

function item(r) {
  const words = field.value.trim().toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) || [];
  return record_view(r, { words, open: open === r.id, fresh: known && !known.has(r.id), actions });
}

function show() {
  const now = shown(), query = field.value.trim();
  chips();
  web.show(made, only);
  list.replaceChildren(...now.map(item));
  if (!now.length && overview?.records)
    list.append(el("li", { class: "none" }, query ? "Nothing fits." : "Nothing of this time."));
  get("more").hidden = next === null || !!only;
  get("keep").disabled = !query;
  get("memories").classList.toggle("seeking", !!query);
  say(get("seek-said"), query ? `${some(now.length, "record")}, best first`
    : session || only || timeline.range
      ? `${count(now.length)}${next === null ? "" : "+"} of ${some(overview?.records || 0, "record")}, newest first`
    : overview?.records ? `${overview.more ? "more than " : ""}${some(overview.records, "record")}, newest first` : "");
}

/* How one begins, when there is nothing yet, or nothing can be. */
function explain() {
  const url = new URL("v1/memories", location.href).href, none = there === null;
  const empty = none || overview && !overview.records;
  for (const id of ["when", "pair"]) get(id).hidden = empty;
  get("nothing").hidden = !empty;
  field.disabled = none;
  if (!empty || get("nothing").dataset.none === String(none)) return;
  get("nothing").dataset.none = none;
  const code = text => el("pre", { tabindex: 0 }, el("code", null, text));
  get("nothing").replaceChildren(...none
    ? [el("p", { class: "big" }, "No memory here."),
      el("p", null, "This server was started with --no-memory, or it is an older one.")]
    : [el("p", { class: "big" }, "Nothing is remembered yet."),
      el("p", null, "What agents and people say here is kept as it was said, and found again in "
        + "milliseconds, by all of them. Type a sentence above and press Remember this; or:"),
      code("omnesia mem add --speaker Anna \"My bicycle is green.\""),
      code("omnesia mem import conversations.json"),
      code(`curl ${url} \\\n  -d '{"text": "My bicycle is green.", "speaker": "Anna"}'`),
      el("p", null, "An agent's host takes one entry, and then remembers by itself:"),
      code("{\"mcpServers\": {\"omnesia\": {\"command\": \"omnesia\", \"args\": [\"mcp\"]}}}")]);
}

/* ---- what is asked ---- */
function path_of(after) {
  const { range } = timeline, moment = day => new Date(day * 86_400_000).toISOString().slice(0, 10);
  return `v1/memories?newest=true&${PAGE}`
    + (session ? `&session=${encodeURIComponent(session)}` : "")
    + (range ? `&since=${moment(range[0])}&before=${moment(range[1])}` : "")
    + (after ? `&after=${after}` : "");
}

const fetched = (query, after) => query
  ? send_json("POST", "v1/memories/search",
    { query, k: FOUND, budget: 12_000, ...session ? { session } : {} })
  : get_json(path_of(after));

const list_of = x => Array.isArray(x?.results)
  ? x.results.filter(r => r && typeof r.text === "string" && Number.isFinite(r.id)) : [];

function failed(error) {
  if (error.name !== "Refusal" && !error.kind) console.error(error);
  say(get("seek-said"), error.message);
}

/* The list anew, or more of it. An answer that comes too late is not looked at. */
async function load(more) {
  const mine = ++wanted, query = field.value.trim();
  try {
    const page = await fetched(query, more ? next : 0);
    if (mine !== wanted) return;
    records = more ? [...records, ...list_of(page)] : list_of(page);
    next = query ? null : page.next ?? null;
    made = graph(records.filter(r => r.kind !== "task")); /* those have a picture of their own */
    if (only && !made.nodes.some(n => n.id === only)) only = null;
    show();
    if (!query && !session && !timeline.range)
      known = new Set([...known || [], ...records.map(r => r.id)]);
  } catch (error) {
    if (mine === wanted) failed(error);
  }
}

async function refresh() {
  at = version;
  asked_at = Date.now();
  refresh_tasks();
  try {
    overview = await get_json("v1/memories/overview");
    timeline.show((overview.days || []).map(d => [String(d.day), +d.records || 0]));
    const days = (overview.days || []).length;
    say(get("when-facts"), overview.records
      ? `${count(overview.records)}${overview.more ? "+" : ""} on ${some(days, "day")}` : "");
    get("memories").setAttribute("aria-busy", "false");
    explain();
    await load();
  } catch (error) {
    failed(error);
  }
}

/* Every second, with the state. */
export function show_memories(remembered) {
  const was = there;
  there = remembered;
  version = remembered?.version ?? null;
  if (!seen) return;
  if (!there) return explain();
  const stale = Date.now() - asked_at > EVERY && !version; /* nobody tells of changes */
  if (was === null || at !== version || stale) refresh();
}
export function see_memories(on) {
  seen = on;
  if (!on) return;
  if (there) refresh();
  else explain();
  field.focus({ preventScroll: true });
}

/* ---- what is pressed ---- */
const actions = {
  open(r, on) {
    open = on ? r.id : 0;
    show();
  },
  session(name) {
    session = name;
    only = null;
    field.value = "";
    load();
  },
  forget(r) {
    say(get("forget-what"), r.text.length > 300 ? `${r.text.slice(0, 299)}…` : r.text);
    get("forget").dataset.id = r.id;
    get("forget").showModal();
  },
};

get("forget-not").addEventListener("click", () => get("forget").close());
get("forget-form").addEventListener("submit", async event => {
  event.preventDefault();
  get("forget").close();
  try {
    await send_json("DELETE", `v1/memories/${get("forget").dataset.id}`);
    await refresh();
  } catch (error) {
    failed(error);
  }
});
field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => load(), TYPING);
});
async function keep() {
  const text = field.value.trim();
  if (!text) return;
  try {
    await send_json("POST", "v1/memories", { text, source: "page" });
    field.value = "";
    await refresh();
  } catch (error) {
    failed(error);
  }
}
get("keep").addEventListener("click", keep);
get("seek-form").addEventListener("submit", event => {
  event.preventDefault();
  clearTimeout(timer);
  load();
});
get("more").addEventListener("click", () => load(true));
