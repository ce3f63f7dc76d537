/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.js - the only place that speaks with the server. Every failure becomes a Refusal with one
 * sentence for the reader and a kind: "gone" (no server), "key" (it wants another key), "no" (all
 * else). The key lives in sessionStorage: in this tab, until it is closed.
 */
const KEY = "omnesia-key", TIMEOUT = 8000, EVENT_MAX = 1 << 20;

export class Refusal extends Error {
  constructor(kind, sentence) { super(sentence); this.kind = kind; }
}

export const key = {
  get() { try { return sessionStorage.getItem(KEY) || ""; } catch { return this.here || ""; } },
  set(text) {
    this.here = text;
    try {
      if (text) sessionStorage.setItem(KEY, text); else sessionStorage.removeItem(KEY);
    } catch { /* it holds for this page */ }
  },
};

async function refuse(answer) {
  let sentence = `The server answered ${answer.status} ${answer.statusText}`.trim() + ".";
  try {
    const told = (await answer.json()).error;
    if (told && typeof told.message === "string" && told.message)
      sentence = told.message.slice(0, 600);
  } catch { /* not JSON: the status says it */ }
  if (answer.status === 401 || answer.status === 403)
    throw new Refusal("key", key.get() ? `The key was refused: ${sentence}` : sentence);
  throw new Refusal("no", sentence);
}

async function call(path, options) {
  const headers = { ...options.headers }, secret = key.get();
  if (secret) headers.Authorization = `Bearer ${secret}`;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error; /* the reader's own wish */
    throw new Refusal("gone", "The server does not answer.");
  }
  if (!answer.ok) await refuse(answer);
  return answer;
}

export async function get_json(path) {
  const answer = await call(path, { signal: AbortSignal.timeout(TIMEOUT) });
  try {
    return await answer.json();
  } catch {
    throw new Refusal("gone", `The server's answer to ${path} broke off.`);
  }
}

/* The data of each server-sent event of a body, in order. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal("gone", "The connection broke while the answer was written.");
    }
    if (piece.done) return;
    held += piece.value.replaceAll("\r", "");
    for (let end; (end = held.indexOf("\n\n")) >= 0; held = held.slice(end + 2)) {
      const data = held.slice(0, end).split("\n").filter(line => line.startsWith("data:"))
        .map(line => line.slice(5).replace(/^ /, "")).join("\n");
      if (data) yield data;
    }
    if (held.length > EVENT_MAX) throw new Refusal("no", "The server sent an event without an end.");
  }
}

/* Ask, and call each(chunk) for every chunk of a streamed answer. */
export async function ask(request, signal, each) {
  const answer = await call("v1/chat/completions", {
    method: "POST", signal, headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
  });
  let whole = false;
  for await (const data of events(answer.body)) {
    if (data === "[DONE]") { whole = true; break; }
    let chunk;
    try { chunk = JSON.parse(data); } catch { throw new Refusal("no", "The server sent an event that is not JSON."); }
    if (chunk.error) throw new Refusal("no", String(chunk.error.message || "The answer failed.").slice(0, 600));
    each(chunk);
  }
  if (!whole) throw new Refusal("gone", "The connection ended before the answer did.");
}
