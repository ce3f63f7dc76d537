/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.js - the only place that speaks with the server. Every failure becomes a Refusal with one
 * sentence and a kind: "gone" (no server), "key" (it wants another key), "no" (all else). The key
 * lives in sessionStorage: in this tab, until it is closed.
 */
const KEY = "omnesia-key", TIMEOUT = 8000, EVENT_MAX = 1 << 20;

export class Refusal extends Error {
  constructor(kind, sentence) { super(sentence); this.kind = kind; }
}

export const key = {
  get: () => sessionStorage.getItem(KEY) || "",
  set: text => text ? sessionStorage.setItem(KEY, text) : sessionStorage.removeItem(KEY),
};

const told = (error, otherwise) =>
  typeof error?.message === "string" && error.message ? error.message.slice(0, 600) : otherwise;

async function call(path, options) {
  const headers = { "Content-Type": "application/json" }, secret = key.get();
  if (secret) headers.Authorization = `Bearer ${secret}`;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error; /* the reader's own wish */
    throw new Refusal("gone", "The server does not answer.");
  }
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({})) || {};
  const sentence = told(error, `The server answered ${answer.status} ${answer.statusText}.`);
  if (answer.status !== 401) throw new Refusal("no", sentence);
  throw new Refusal("key", secret ? `The key was refused: ${sentence}` : sentence);
}

async function whole(path, options) {
  const answer = await call(path, { ...options, signal: AbortSignal.timeout(TIMEOUT) });
  return answer.json().catch(() => {
    throw new Refusal("gone", `The answer to ${path} broke off.`);
  });
}
export const get_json = path => whole(path);
export const send_json = (method, path, body) =>
  whole(path, { method, body: body && JSON.stringify(body) });

/* The data of each server-sent event of a body, in order. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read().catch(error => {
      if (error.name === "AbortError") throw error;
      throw new Refusal("gone", "The connection broke while the answer was written.");
    });
    if (done) return;
    held += value.replaceAll("\r", "");
    for (let end; (end = held.indexOf("\n\n")) >= 0; held = held.slice(end + 2)) {
      const data = held.slice(0, end).split("\n").filter(line => line.startsWith("data:"));
      if (data.length) yield data.map(line => line.slice(5).trim()).join("\n");
    }
    if (held.length > EVENT_MAX) throw new Refusal("no", "The server sent an endless event.");
  }
}

/* Ask, and call each(chunk) for every chunk of the streamed answer. */
export async function ask(request, signal, each) {
  const answer = await call("v1/chat/completions", { method: "POST", signal,
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }) });
  for await (const data of events(answer.body)) {
    if (data === "[DONE]") return;
    let chunk;
    try { chunk = JSON.parse(data); } catch { /* said below */ }
    if (!chunk) throw new Refusal("no", "The server sent an event that is not JSON.");
    if (chunk.error) throw new Refusal("no", told(chunk.error, "The answer failed."));
    each(chunk);
  }
  throw new Refusal("gone", "The connection ended before the answer did.");
}
