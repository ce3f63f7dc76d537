/* SPDX-License-Identifier: Apache-2.0
 *
 * page.js - the clock of the page. Once a second it asks for the state and hands it to those who
 * draw it; nothing is asked while the tab is hidden, and less and less often while nobody answers.
 * What is known then stays, in grey, under a sentence that says what is wrong.
 */
import { show_cards } from "./cards.js";
import { show_models, show_remembering, when_key_is_needed } from "./chat.js";
import { show_map } from "./map.js";
import { see_memories, show_memories } from "./memories.js";
import { see_owners } from "./owners.js";
import { show_share } from "./share.js";
import { get, number, say, time } from "./units.js";
import { get_json, key, Refusal } from "./wire.js";

const EVERY = 1000, SLOWEST = 15_000;
let timer = 0, asking = false, before = null, names = null, failures = 0, told_key, after_key;

/* ---- what comes ---- */
const list = x => Array.isArray(x) ? x.filter(y => y && typeof y === "object") : [];
const text = x => typeof x === "string" ? x.slice(0, 80) : "";
const numbers = (x, names) =>
  Object.fromEntries(names.split(" ").map(name => [name, number(x?.[name])]));
const EXTENT = "rows memory disk born used cost_us reader readers open kept start";
const REGION = "limit charged disk_limit stored rows processes extents asked found evicted damaged";
const JOB = "id age_ms prompt_tokens cached_tokens tokens";

/* A state in which every part is there and what it should be, whatever came. References are text:
 * 64 bits are more than a number has here. */
function checked(state) {
  if (!state) throw new Refusal("no", "The server sent a state that is none.");
  const { region } = state;
  return {
    fleets: Array.isArray(state.fleets) && state.fleets.length > 0,
    version: text(state.version), system: text(state.system), uptime_s: number(state.uptime_s),
    remembered: state.remembered ? { version: number(state.remembered.version), chats: !!state.remembered.chats } : null,
    loop: numbers(state.loop, "running waiting slots read cached"),
    memory: numbers(state.memory, "limit booked resident"),
    tokens_per_s: numbers(state.tokens_per_s, "read written"),
    region: region && region.limit ? { disk: text(region.disk), ...numbers(region, REGION) } : null,
    extents: list(state.extents).map(e => ({ ...numbers(e, EXTENT), ref: text(e.ref) })),
    models: list(state.models).map(m => ({ ...m, name: text(m.name) })),
    jobs: list(state.jobs).map(job => ({
      ...numbers(job, JOB), owner: text(job.owner), model: text(job.model), state: text(job.state),
      extents: Array.isArray(job.extents) ? job.extents.slice(0, 64).map(text) : [],
    })),
  };
}

function show(state) {
  see_owners(state);
  show_cards(state, Date.now());
  show_map(state);
  show_share(state);
  show_memories(state.remembered);
  show_remembering(!!state.remembered?.chats);
  const vectors = new Set(state.models.filter(m => m.embedding).map(m => m.name));
  show_models((names || []).filter(name => !vectors.has(name)),
    new Set(state.models.filter(m => m.loaded).map(m => m.name)));
  get("system").defaultValue = state.system; /* what was typed there stays */
  say(get("version"), state.version);
  get("fleets").hidden = !state.fleets;
  get("live").setAttribute("aria-busy", "false");
  before = state;
}

/* ---- when it comes ---- */
function mood(state, words) {
  get("pulse").dataset.state = state;
  say(get("pulse").lastElementChild, words);
  document.body.classList.toggle("stale", state === "bad" && before !== null);
  get("banner").hidden = state !== "bad";
}

/* Say what is wrong; how long to wait before it is tried again. */
function trouble(error) {
  const key_wanted = error.kind === "key";
  mood("bad", key_wanted ? "key needed" : "not connected");
  say(get("banner").firstElementChild, key_wanted ? error.message
    : `${error.message} ${before ? "What you see is from before. " : ""}Trying again by itself.`);
  say(get("again"), key_wanted ? "Enter a key" : "Try now");
  if (key_wanted && !told_key) open_key(error.message);
  return key_wanted ? SLOWEST : Math.min(SLOWEST, EVERY * 2 ** Math.min(failures++, 4));
}

async function tick() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  let wait = EVERY;
  try {
    if (!names || failures) names = list((await get_json("v1/models")).data).map(m => text(m.id));
    const state = checked(await get_json("api/state"));
    show(state);
    failures = 0;
    mood("good", `up ${time(state.uptime_s)}`);
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error);
    wait = trouble(error);
  }
  asking = false;
  timer = setTimeout(tick, wait);
}

document.addEventListener("visibilitychange", tick);
get("again").addEventListener("click", event =>
  event.target.textContent === "Try now" ? tick() : open_key());
get("jobs").addEventListener("toggle", () => before && show_share(before));

/* ---- the key ---- */
function open_key(why, then) {
  told_key = true;
  after_key = then;
  if (why) say(get("key-why"), why);
  get("key-field").value = key.get();
  get("key-forget").hidden = !key.get();
  if (!get("key").open) get("key").showModal();
  get("key-field").focus();
}
function use_key(secret) {
  key.set(secret);
  get("key").close();
  told_key = false;
  tick();
  after_key?.();
}
get("key-form").addEventListener("submit", event => {
  event.preventDefault();
  use_key(get("key-field").value.trim());
});
get("key-open").addEventListener("click", () => open_key());
get("key-forget").addEventListener("click", () => use_key(""));
get("key-cancel").addEventListener("click", () => get("key").close());
when_key_is_needed(open_key);

/* ---- small windows show one part at a time, wide ones chat and live together ---- */
const views = document.querySelectorAll("[data-show]"), wide = matchMedia("(min-width: 900px)");
function show_view() {
  const { view } = document.body.dataset, shown = wide.matches && view === "live" ? "chat" : view;
  for (const b of views) b.setAttribute("aria-pressed", b.dataset.show === shown);
  see_memories(shown === "memories");
}
for (const button of views)
  button.addEventListener("click", () => {
    document.body.dataset.view = button.dataset.show;
    show_view();
  });
wide.addEventListener("change", show_view);
show_view();

tick();
