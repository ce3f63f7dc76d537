/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet.js - the clock of fleet.html: twice a second it asks how the fleet is, and has it drawn;
 * nothing is asked while the tab is hidden. All it does is calls of POST /v1/fleet (docs/FLEET.md).
 * What robots, skills and people wrote is text here, whatever is in it.
 */
import { draw_map } from "./fleet_map.js";
import { draw_plan } from "./fleet_plan.js";
import { el, get, number, say, some } from "./units.js";
import { send_json } from "./wire.js";

const EVERY = 500, SLOWEST = 15_000, KEPT = 200;
const ENDED = ["done", "failed", "cancelled"];
const pressed = new Set();
let reasons = { of: "", steps: [] };
let timer = 0, asking = false, failures = 0, next = 0, events = [], chosen = "", fleet = "main";

const list = x => Array.isArray(x) ? x.filter(y => y && typeof y === "object") : [];
const names = x => Array.isArray(x) ? x.filter(y => typeof y === "string") : [];
const text = x => typeof x === "string" ? x : "";
const call = fields => send_json("POST", "../v1/fleet", { fleet, ...fields });

/* ---- robots ---- */
function doing(r) {
  const { call: c } = r, runs = c && ["given", "running", "cancel"].includes(c.state);
  const holds = names(r.holds), battery = number(r.battery);
  return [runs ? `${text(c.step)} ${text(c.skill)} ${Object.values(c.args || {}).filter(v => typeof v === "string").join(" ")}` : "",
    text(r.at) && `${r.state === "lost" ? "last at" : "at"} ${r.at}`, holds.length ? `has ${holds.join(", ")}` : "",
    battery >= 0 && "battery" in r ? `battery ${Math.round(battery * 100)} %` : ""].filter(Boolean).join(" · ");
}

function robot_row(r, i) {
  const state = text(r.state), verb = state === "stopped" ? "Resume" : "Stop";
  const halt = el("button", { class: "quiet stop-one", "data-robot": text(r.name), "aria-label": `${verb} ${text(r.name)}` }, verb);
  halt.addEventListener("click", () => tell(verb === "Stop" ? { do: "stop", robot: r.name, by: "page" } : { do: "resume", robot: r.name }));
  return el("li", { class: state }, el("span", { class: "no" }, `${i + 1}`),
    el("span", { class: "who" }, `${text(r.name)}, ${text(r.body)}: ${state}`), halt,
    el("span", { class: "what" }, doing(r) || (["lost", "left"].includes(state) ? "not there" : "nothing to do")));
}

/* Who had the keyboard has it again, once the rows are others. */
function show_robots(robots) {
  const had = document.activeElement?.dataset?.robot;
  get("robots").replaceChildren(...robots.map(robot_row));
  if (had) [...get("robots").querySelectorAll("button")].find(b => b.dataset.robot === had)?.focus();
}

/* ---- what happened ---- */
function event_row(e) {
  const at = new Date(number(e.t) / 1000).toLocaleTimeString("en-GB");
  return el("li", { class: e.bad === true ? "bad" : "" }, el("span", null, at), el("span", null, `${e.there ? `${text(e.home)}: ` : ""}${text(e.line) || text(e.kind)}`));
}

async function read_events() {
  const told = await call({ do: "history", after: next, limit: 1000 }), fresh = list(told.events);
  next = number(told.next);
  events = [...events, ...fresh];
  if (fresh.some(e => e.there)) events.sort((a, b) => number(a.t) - number(b.t)); // of other machines: they come late
  events = events.slice(-KEPT);
  if (fresh.length) get("events").replaceChildren(...events.toReversed().map(event_row));
  if (fresh.length === 1000) await read_events();
}

/* ---- the plan ---- */
function choose(tasks) {
  const box = get("task"), running = tasks.filter(t => !ENDED.includes(t.state));
  const latest = (running.at(-1) || tasks.at(-1))?.id || "";
  const id = tasks.some(t => t.id === chosen) ? chosen : latest;
  const wanted = tasks.slice(-30).toReversed().map(t => `${t.id}: ${text(t.text)}`.slice(0, 80));
  if (wanted.join("\n") !== [...box.options].map(o => o.textContent).join("\n"))
    box.replaceChildren(...wanted.map(w => el("option", { value: w.split(":")[0] }, w)));
  box.hidden = !tasks.length;
  if (document.activeElement !== box) box.value = id;
  return id;
}

function show_task(task) {
  const over = !task || ENDED.includes(task.state);
  const steps = list(task?.steps).filter(s => s.state !== "replaced");
  const done = steps.filter(s => s.state === "done").length;
  draw_plan(get("plan"), steps, step => confirm_step(task, step));
  say(get("plan-facts"), task ? `${text(task.state)}, ${done} of ${some(steps.length, "step")}${
    number(task.replans) ? `, planned anew ${some(number(task.replans), "time")}` : ""}${
    text(task.why) && (task.state === "failed" || task.why.startsWith("nobody could look")) ? `: ${task.why}` : ""}` : "");
  get("cancel").hidden = over;
}

/* Once: until the page knows better, a second press would be refused. */
function confirm_step(task, step) {
  const key = `${fleet} ${task.id} ${step.id}`;
  if (pressed.has(key)) return;
  pressed.add(key);
  tell({ do: "confirm", task: task.id, step: step.id });
}

/* ---- the clock ---- */
function mood(state, words) {
  get("pulse").dataset.state = state;
  say(get("pulse").lastElementChild, words);
  document.body.classList.toggle("stale", state === "bad");
  get("banner").hidden = state !== "bad";
}

function show(scene, status) {
  const robots = list(scene.robots), stopped = !!status.stop;
  draw_map(get("map"), get("about"), list(scene.things), robots);
  show_robots(robots);
  if (!robots.length) get("robots").append(el("li", { class: "none" }, "No robot has joined: `omnesia fleet demo` shows three."));
  const lost = robots.filter(r => r.state === "lost").length, there = robots.filter(r => r.state !== "left").length;
  say(get("world-facts"), `${some(list(scene.things).length, "thing")}, ${some(there, "robot")}${lost ? ` (${lost} lost)` : ""}, ${status.brain ? "a brain" : "no brain"}`);
  const [now, then] = stopped ? ["resume", "stop"] : ["stop", "resume"], had = document.activeElement === get(then);
  get(now).hidden = false;
  get(then).hidden = true;
  if (had) get(now).focus();
}

/* Its reasons are asked for when it was planned, not each time: they take longer than all else. */
async function task_of(id) {
  const { task } = await call({ do: "task", task: id });
  const of = `${fleet} ${id} ${list(task.steps).map(s => s.id)}`;
  if (reasons.of !== of) reasons = { of, steps: list((await call({ do: "task", task: id, why: true })).task.steps) };
  const why = new Map(reasons.steps.map(s => [s.id, s.why]));
  return { ...task, steps: list(task.steps).map(s => ({ ...s, why: why.get(s.id) })) };
}

async function tick() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  let wait = EVERY;
  try {
    const [scene, status] = await Promise.all([call({ do: "scene" }), call({ do: "status" })]);
    show(scene, status);
    const id = choose(list(status.tasks));
    show_task(id ? await task_of(id) : null);
    await read_events();
    failures = 0;
    mood("good", status.stop ? "stopped" : "live");
  } catch (error) {
    if (!error.kind) console.error(error);
    say(get("banner").firstElementChild, error.kind === "key" ? `${error.message} Enter it on the first page.` : error.message);
    mood("bad", "not connected");
    wait = Math.min(SLOWEST, EVERY * 2 ** Math.min(failures++, 5));
  }
  asking = false;
  timer = setTimeout(tick, wait);
}

/* ---- what a person does ---- */
async function tell(what) {
  try {
    const told = await call(what);
    say(get("said"), told.task && what.do === "do" ? `It is ${told.task}.` : "");
    if (what.do === "do") chosen = told.task;
  } catch (error) {
    say(get("said"), error.message);
  }
  tick();
}

get("form").addEventListener("submit", event => {
  event.preventDefault();
  const field = get("text"), wish = field.value.trim();
  if (!wish) return;
  field.value = "";
  tell({ do: "do", text: wish, by: "page" });
});
get("stop").addEventListener("click", () => tell({ do: "stop", by: "page" }));
get("resume").addEventListener("click", () => tell({ do: "resume" }));
get("cancel").addEventListener("click", () => tell({ do: "cancel", task: get("task").value }));
get("task").addEventListener("change", () => { chosen = get("task").value; tick(); });
document.addEventListener("visibilitychange", tick);

/* Which fleets there are: asked once. fleet.html?fleet=NAME opens one. */
async function begin() {
  const { fleets } = await send_json("GET", "../api/state").catch(() => ({}));
  const asked = new URLSearchParams(location.search).get("fleet"), all = [...new Set([...asked ? [asked] : [], ...names(fleets)])];
  fleet = asked || all[0] || "main";
  get("name").replaceChildren(...(all.length ? all : ["main"]).map(n => el("option", null, n)));
  get("name").value = fleet;
  tick();
}
get("name").addEventListener("change", () => {
  fleet = get("name").value;
  [next, events, chosen] = [0, [], ""];
  get("events").replaceChildren();
  tick();
});
begin();
