/* SPDX-License-Identifier: Apache-2.0
 *
 * chat.js - the conversation. It lives in `turns` and nowhere else: no storage, no server. An answer
 * is drawn again at most once per frame, by text.js, as elements and text; a live region speaks it
 * sentence by sentence, since a log that changes ten times a second cannot be listened to. Under an
 * answer stands what it cost: tokens read, found in the cache and written, the wait for the first
 * one, and the pace of the others, as the server counts (usage) and this page sees them come.
 */
import { ask, Refusal } from "./wire.js";
import { elements } from "./text.js";
import { count, el, get, time } from "./units.js";

const log = get("log"), field = get("ask"), send = get("send"), model = get("model");
const turns = []; /* {role, content} of what was said and answered */
let running = null, on_key = () => {};

/* ---- looks ------------------------------------------------------------------------------------ */
const at_end = () => log.scrollHeight - log.scrollTop - log.clientHeight < 48;
const to_end = () => { log.scrollTop = log.scrollHeight; };

function grow() {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, 220)}px`;
}

function busy(on) {
  send.textContent = on ? "Stop" : "Send";
  send.classList.toggle("main", !on);
  get("fresh").disabled = on ? false : !turns.length;
}

/* Whole sentences of what has come, once each. */
function speak(answer, all) {
  const rest = answer.text.slice(answer.spoken), end = all ? rest.length : rest.search(/[.!?:]\s[^.!?:]*$|\n[^\n]*$/) + 1;
  if (end <= 0) return;
  get("spoken").append(el("p", null, rest.slice(0, end)));
  while (get("spoken").children.length > 20) get("spoken").firstChild.remove();
  answer.spoken += end;
}

function draw(answer) {
  answer.drawing = false;
  const stick = at_end();
  answer.body.replaceChildren(...elements(answer.text));
  if (stick) to_end();
  speak(answer, false);
}

/* What it cost, in words; a bar shows how much of the prompt was in the cache. */
function costs(answer, how) {
  const use = answer.usage, parts = [];
  const prompt = use ? use.prompt_tokens : 0, details = use && use.prompt_tokens_details;
  const cached = details ? details.cached_tokens || 0 : 0, written = use ? use.completion_tokens : answer.pieces;
  if (how) parts.push(how);
  if (use) parts.push(`${count(prompt - cached)} read`, `${count(cached)} from the cache`);
  if (written) parts.push(`${use ? "" : "about "}${count(written)} written`);
  if (answer.first) parts.push(`first token after ${time((answer.first - answer.began) / 1000)}`);
  const writing = (answer.ended - answer.first) / 1000;
  if (answer.first && written > 1 && writing > 0) parts.push(`${count((written - 1) / writing)} tokens/s`);
  const bar = el("i", { class: "share-bar", title: "part of the prompt that was in the cache" }, el("i"));
  if (prompt) bar.firstChild.style.width = `${100 * cached / prompt}%`;
  answer.foot.replaceChildren(...(prompt ? [bar] : []), parts.map(p => p.replaceAll(" ", "\u00a0")).join(" · "));
}

function failed(answer, error, again) {
  const retry = el("button", { type: "button", class: "quiet" }, error.kind === "key" ? "Enter a key" : "Try again");
  retry.addEventListener("click", () => error.kind === "key" ? on_key(error.message, again) : again());
  answer.foot.replaceChildren(el("span", { class: "wrong", role: "alert" }, error.message), " ", retry);
}

/* ---- asking ----------------------------------------------------------------------------------- */
function request() {
  const out = { model: model.value || "default", messages: [...turns] };
  const system = get("system").value.trim(), temperature = get("temperature"), most = get("most");
  if (system) out.messages.unshift({ role: "system", content: system });
  if (temperature.value && temperature.validity.valid) out.temperature = Number(temperature.value);
  if (most.value && most.validity.valid) out.max_tokens = Number(most.value);
  return out;
}

function take(answer, chunk) {
  const choice = Array.isArray(chunk.choices) && chunk.choices[0], text = choice && choice.delta && choice.delta.content;
  if (chunk.usage) answer.usage = chunk.usage;
  if (choice && choice.finish_reason) answer.finish = choice.finish_reason;
  if (typeof text !== "string" || !text) return;
  answer.ended = performance.now();
  answer.first ||= answer.ended;
  answer.pieces++;
  answer.text += text;
  if (!answer.drawing) requestAnimationFrame(() => draw(answer));
  answer.drawing = true;
}

async function answer_last() {
  const answer = { text: "", spoken: 0, pieces: 0, began: performance.now(), first: 0, ended: 0, drawing: false };
  answer.body = el("div", { class: "body" }, el("p", { class: "waiting", "aria-label": "waiting" }, el("i"), el("i"), el("i")));
  answer.foot = el("p", { class: "foot num" }, "\u00a0");
  answer.node = el("article", { class: "turn answer", "aria-label": "Answer" }, answer.body, answer.foot);
  log.append(answer.node);
  to_end();
  const mine = running = new AbortController();
  busy(true);
  let error = null;
  try {
    await ask(request(), mine.signal, chunk => take(answer, chunk));
  } catch (caught) {
    error = caught;
  }
  if (mine.signal.reason === "fresh") return;
  running = null;
  finish(answer, error);
  busy(false);
}

function finish(answer, error) {
  const stopped = error && !(error instanceof Refusal) && error.name === "AbortError";
  draw(answer);
  speak(answer, true);
  if (answer.text) turns.push({ role: "assistant", content: answer.text });
  const stick = at_end();
  if (error && !stopped) {
    const refusal = error instanceof Refusal ? error : new Refusal("no", `This page failed: ${error.message}`);
    failed(answer, refusal, () => {
      if (running) return;
      if (answer.text) turns.pop();
      answer.node.remove();
      answer_last();
    });
  } else {
    costs(answer, stopped ? "stopped" : answer.finish === "length" ? "cut at the limit" : answer.text ? "" : "an empty answer");
    if (stopped && !answer.text) turns.push({ role: "assistant", content: "" });
  }
  if (stick) to_end();
}

function say_it(text) {
  get("hello").hidden = true;
  turns.push({ role: "user", content: text });
  log.append(el("article", { class: "turn mine", "aria-label": "You" }, el("div", { class: "body" }, text)));
  answer_last();
}

function stop() { if (running) running.abort(); }

/* ---- the form --------------------------------------------------------------------------------- */
get("form").addEventListener("submit", event => {
  event.preventDefault();
  if (running) return stop();
  const text = field.value.trim();
  if (!text) return field.focus();
  field.value = "";
  grow();
  say_it(text);
});
field.addEventListener("input", grow);
field.addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!running) get("form").requestSubmit();
});
document.addEventListener("keydown", event => {
  if (event.key === "Escape" && running && !document.querySelector("dialog[open]")) stop();
});
get("tries").addEventListener("click", event => {
  if (event.target.nodeName !== "BUTTON" || running) return;
  field.focus();
  say_it(event.target.textContent);
});
get("fresh").addEventListener("click", () => {
  if (running) running.abort("fresh");
  running = null;
  turns.length = 0;
  for (const turn of log.querySelectorAll(".turn")) turn.remove();
  get("hello").hidden = false;
  get("spoken").replaceChildren();
  busy(false);
  field.focus();
});
get("settings-open").addEventListener("click", event => {
  const hidden = get("settings").hidden = !get("settings").hidden;
  event.target.setAttribute("aria-expanded", String(!hidden));
  if (!hidden) get("system").focus();
});
get("base").textContent = new URL("v1", location.href).href;
get("copy").addEventListener("click", async event => {
  try {
    await navigator.clipboard.writeText(get("base").textContent);
    event.target.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(get("base"));
    event.target.textContent = "Selected";
  }
  setTimeout(() => { event.target.textContent = "Copy"; }, 1500);
});

/* Models that can be asked, those in memory first; what was chosen stays chosen. */
export function show_models(names, loaded) {
  const order = [...names].sort((a, b) => loaded.has(b) - loaded.has(a)), key = order.map(n => `${n} ${loaded.has(n)}`).join("\n");
  if (model.dataset.key === key) return;
  const chosen = model.disabled ? "" : model.value;
  model.dataset.key = key;
  model.disabled = !order.length;
  model.replaceChildren(...order.map(name => el("option", { value: name }, loaded.has(name) || loaded.size === 0 ? name : `${name} (not loaded)`)));
  if (!order.length) model.append(el("option", { value: "" }, "no model"));
  if (order.includes(chosen)) model.value = chosen;
}
export function when_key_is_needed(f) { on_key = f; }
