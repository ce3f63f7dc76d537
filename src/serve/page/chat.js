/* SPDX-License-Identifier: Apache-2.0
 *
 * chat.js - the conversation. It lives in `turns` and nowhere else. An answer is drawn once per
 * frame at most, and spoken by sentences. Under it stands what it cost: tokens as the server counts
 * them, the first wait and the pace as this page sees them.
 */
import { ask } from "./wire.js";
import { elements } from "./text.js";
import { count, el, get, number, say, some, time } from "./units.js";

const log = get("log"), field = get("ask"), model = get("model");
const turns = []; /* {role, content} of what was said and answered */
let running = null, remembers = false, session = "", on_key = () => {};
export const when_key_is_needed = f => { on_key = f; };

/* ---- looks ---- */

/* Change the log; who was reading its end goes on reading its end. */
function keeping_end(change) {
  const stick = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
  change();
  if (stick) log.scrollTop = log.scrollHeight;
}

function grow() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

function busy(on) {
  say(get("send"), on ? "Stop" : "Send");
  get("send").classList.toggle("main", !on);
  get("fresh").disabled = !on && !turns.length;
}

/* Whole sentences of what has come, once each. */
function speak(answer, all) {
  const rest = answer.text.slice(answer.spoken), spoken = get("spoken");
  const end = all ? rest.length : rest.search(/[.!?:]\s[^.!?:]*$|\n[^\n]*$/) + 1;
  if (end) spoken.append(el("p", null, rest.slice(0, end)));
  if (spoken.children.length > 20) spoken.firstChild.remove();
  answer.spoken += end;
}

function draw(answer) {
  answer.drawing = false;
  keeping_end(() => answer.body.replaceChildren(...elements(answer.text)));
  speak(answer, answer.whole);
}

/* What it cost, in words; a bar shows how much of the prompt was in the cache. */
function costs({ usage, pieces, began, first, ended, recalled }, how) {
  const prompt = number(usage?.prompt_tokens), bar = el("i");
  const written = usage ? number(usage.completion_tokens) : pieces;
  const cached = number(usage?.prompt_tokens_details?.cached_tokens);
  const parts = [how,
    prompt && `${count(prompt - cached)} read`, prompt && `${count(cached)} from the cache`,
    written && `${usage ? "" : "about "}${count(written)} written`,
    first && `first token after ${time((first - began) / 1000)}`,
    recalled && `${some(recalled, "memory", "memories")} recalled`,
    written > 1 && ended > first && `${count((written - 1) * 1000 / (ended - first))} tokens/s`];
  bar.style.width = `${100 * cached / (prompt || 1)}%`;
  return [prompt ? el("i", { class: "part", title: "what the cache had" }, bar) : "",
    parts.filter(Boolean).map(part => part.replaceAll(" ", "\u00a0")).join(" · ")];
}

function failure(error, again) {
  const key = error.kind === "key";
  const retry = el("button", { class: "quiet" }, key ? "Enter a key" : "Try again");
  retry.addEventListener("click", () => key ? on_key(error.message, again) : again());
  return [el("span", { class: "wrong", role: "alert" }, error.message), " ", retry];
}

/* ---- asking ---- */
function request() {
  const out = { model: model.value || "default", messages: [...turns] };
  const system = get("system").value.trim();
  if (system) out.messages.unshift({ role: "system", content: system });
  for (const [id, name] of [["temperature", "temperature"], ["most", "max_tokens"]])
    if (get(id).value && get(id).validity.valid) out[name] = Number(get(id).value);
  session ||= `page ${new Date().toISOString()}`;
  if (remembers) Object.assign(out, { memory: get("remember").checked, session });
  return out;
}

function take(answer, chunk) {
  const choice = Array.isArray(chunk.choices) && chunk.choices[0], text = choice?.delta?.content;
  if (Array.isArray(chunk.recalled)) answer.recalled = chunk.recalled.length;
  if (chunk.usage) answer.usage = chunk.usage;
  if (choice?.finish_reason) answer.finish = choice.finish_reason;
  if (typeof text !== "string" || !text) return;
  answer.ended = performance.now();
  answer.first ||= answer.ended;
  answer.pieces++;
  answer.text += text;
  if (!answer.drawing) requestAnimationFrame(() => draw(answer));
  answer.drawing = true;
}

async function answer_last() {
  const body = el("div", { class: "body" }, el("i", { class: "waiting" }));
  const foot = el("p", { class: "foot num" }), began = performance.now();
  const answer = { text: "", spoken: 0, pieces: 0, began, first: 0, ended: 0, body };
  const node = el("article", { class: "turn answer", "aria-label": "Answer" }, body, foot);
  const mine = running = new AbortController();
  log.append(node);
  log.scrollTop = log.scrollHeight;
  busy(true);
  const error = await ask(request(), mine.signal, chunk => take(answer, chunk)).catch(e => e);
  if (running !== mine) return; /* a new conversation has begun */
  running = null;
  answer.whole = true;
  draw(answer);
  const stopped = error?.name === "AbortError";
  turns.push({ role: "assistant", content: answer.text });
  const again = () => {
    if (running || turns.at(-1)?.content !== answer.text) return;
    turns.pop();
    node.remove();
    answer_last();
  };
  const how = stopped ? "stopped" : answer.finish === "length" ? "cut at the limit"
    : !answer.text && "an empty answer";
  const words = error && !stopped ? failure(error, again) : costs(answer, how);
  keeping_end(() => foot.replaceChildren(...words));
  busy(false);
}

function say_it(text) {
  get("hello").hidden = true;
  turns.push({ role: "user", content: text });
  const body = el("div", { class: "body" }, text);
  log.append(el("article", { class: "turn mine", "aria-label": "You" }, body));
  answer_last();
}

/* ---- what is pressed ---- */
get("form").addEventListener("submit", event => {
  event.preventDefault();
  if (running) return running.abort();
  const text = field.value.trim();
  field.focus();
  if (!text) return;
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
  if (event.key === "Escape" && running && !get("key").open) running.abort();
});
get("tries").addEventListener("click", event => {
  if (event.target.nodeName !== "BUTTON" || running) return;
  field.focus();
  say_it(event.target.textContent);
});
get("fresh").addEventListener("click", () => {
  const old = running;
  running = null;
  old?.abort();
  turns.length = 0;
  session = "";
  for (const turn of log.querySelectorAll(".turn")) turn.remove();
  get("hello").hidden = false;
  get("spoken").replaceChildren();
  busy(false);
  field.focus();
});
get("settings-open").addEventListener("click", event => {
  const open = get("settings").hidden;
  get("settings").hidden = !open;
  event.target.setAttribute("aria-expanded", open);
});
say(get("base"), new URL("v1", location.href).href);

/* Does the server keep conversations? Then one says whether it keeps this one. */
export function show_remembering(on) {
  remembers = on;
  get("remember-row").hidden = !on;
  say(get("stays"), on && get("remember").checked
    ? "This server remembers: what is said here is kept, and recalled later. Settings turns it off."
    : "This conversation stays in this page, and is gone when you close it.");
}

/* Models that can be asked, those in memory first; what was chosen stays chosen. */
export function show_models(names, loaded) {
  const order = [...names].sort((a, b) => loaded.has(b) - loaded.has(a));
  const options = order.map(name =>
    el("option", { value: name }, loaded.has(name) ? name : `${name} (not loaded)`));
  const words = options.map(option => option.textContent).join("\n");
  const chosen = model.disabled ? "" : model.value;
  if (model.dataset.words === words) return;
  model.dataset.words = words;
  model.disabled = !order.length;
  model.replaceChildren(...options.length ? options : [el("option", null, "no model")]);
  if (order.includes(chosen)) model.value = chosen;
}
