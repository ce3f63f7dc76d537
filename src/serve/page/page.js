/* SPDX-License-Identifier: Apache-2.0
 *
 * page.js - the clock of the page. Once a second it asks for the state and hands it to those who
 * draw it; nothing is asked while the tab is hidden, and less and less often while nobody answers.
 * What is known then stays, faded, under a sentence that says what is wrong and when it tries again.
 */
import { show_cards } from "./cards.js";
import { show_models, when_key_is_needed } from "./chat.js";
import { show_map } from "./map.js";
import { see_owners } from "./owners.js";
import { show_share } from "./share.js";
import { get, number, say, time } from "./units.js";
import { get_json, key, Refusal } from "./wire.js";

const EVERY = 1000, SLOWEST = 15_000;
let timer = 0, asking = false, before = null, names = null, failures = 0, told_key = false, after_key = null;

/* ---- what comes ------------------------------------------------------------------------------- */
const list = x => Array.isArray(x) ? x.filter(y => y && typeof y === "object") : [];

/* A state in which every part is there, whatever came. */
function checked(state) {
  if (!state || typeof state !== "object") throw new Refusal("no", "The server sent a state that is none.");
  return {
    ...state, loop: state.loop || {}, memory: state.memory || {}, tokens_per_s: state.tokens_per_s || {},
    region: state.region && number(state.region.limit) > 0 ? state.region : null,
    extents: list(state.extents), models: list(state.models),
    jobs: list(state.jobs).map(job => ({ ...job, extents: Array.isArray(job.extents) ? job.extents : [] })),
  };
}

function show(state) {
  const at = Date.now();
  see_owners(state);
  show_cards(state, before, at);
  show_map(state);
  show_share(state);
  const vectors = new Set(state.models.filter(m => m.embedding).map(m => m.name));
  show_models((names || []).filter(name => !vectors.has(name)),
    new Set(state.models.filter(m => m.loaded).map(m => m.name)));
  say(get("version"), state.version ? `${state.version}` : "");
  say(get("pulse").lastElementChild, `up ${time(state.uptime_s)}`);
  get("live").setAttribute("aria-busy", "false");
  before = state;
}

/* ---- when it comes ---------------------------------------------------------------------------- */
function mood(state, words) {
  get("pulse").dataset.state = state;
  if (words) say(get("pulse").lastElementChild, words);
  document.body.classList.toggle("stale", state !== "good" && before !== null);
  if (state === "good") get("banner").hidden = true;
}

function trouble(error) {
  const wait = error.kind === "key" ? SLOWEST : Math.min(SLOWEST, EVERY * 2 ** Math.min(failures++, 4));
  const banner = get("banner");
  mood("bad", error.kind === "key" ? "key needed" : "not connected");
  say(banner.firstElementChild, error.kind === "key" ? error.message
    : `${error.message} ${before ? "What you see is from before. " : ""}Trying again by itself.`);
  say(get("again"), error.kind === "key" ? "Enter a key" : "Try now");
  banner.dataset.kind = error.kind;
  banner.hidden = false;
  if (error.kind === "key" && !told_key) open_key(error.message);
  return wait;
}

async function tick() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  let wait = EVERY;
  try {
    if (!names || failures) names = list((await get_json("v1/models")).data).map(m => String(m.id));
    show(checked(await get_json("api/state")));
    failures = 0;
    mood("good");
  } catch (error) {
    wait = trouble(error instanceof Refusal ? error : new Refusal("no", `This page failed: ${error.message}.`));
    if (!(error instanceof Refusal)) console.error(error);
  }
  asking = false;
  if (!document.hidden) timer = setTimeout(tick, wait);
}

document.addEventListener("visibilitychange", tick);
get("again").addEventListener("click", () => get("banner").dataset.kind === "key" ? open_key() : tick());
get("jobs").addEventListener("toggle", () => before && show_share(before));

/* ---- the key ---------------------------------------------------------------------------------- */
function open_key(why, then) {
  told_key = true;
  after_key = then || null;
  if (why) say(get("key-why"), why);
  get("key-field").value = key.get();
  get("key-forget").hidden = !key.get();
  if (!get("key").open) get("key").showModal();
  get("key-field").focus();
}
function use_key(text) {
  key.set(text);
  get("key").close();
  const then = after_key;
  after_key = null;
  told_key = false;
  tick();
  if (then) then();
}
get("key-form").addEventListener("submit", event => {
  event.preventDefault();
  use_key(get("key-field").value.trim());
});
get("key-open").addEventListener("click", () => open_key());
get("key-forget").addEventListener("click", () => use_key(""));
get("key-cancel").addEventListener("click", () => get("key").close());
when_key_is_needed(open_key);

/* ---- small windows show one half at a time ---------------------------------------------------- */
const views = document.querySelectorAll("[data-show]");
for (const button of views)
  button.addEventListener("click", () => {
    document.body.dataset.view = button.dataset.show;
    for (const b of views) b.setAttribute("aria-pressed", String(b === button));
  });

tick();
