/* SPDX-License-Identifier: Apache-2.0
 *
 * units.js - how numbers are written, and how elements are made. All text enters the page here, as
 * text: no string is ever read as HTML.
 */
/* A finite number, whatever came: 0 for what is none. */
export const number = x => Number.isFinite(+x) ? +x : 0;

/* 5.3, 1,532 and 23,010, but 1.23 M */
export function count(n) {
  if (n >= 999_500) return `${(n / 1e6).toFixed(n < 9.95e6 ? 2 : 0)} M`;
  return n.toLocaleString("en", { maximumFractionDigits: n < 10 ? 1 : 0 });
}

/* As the program writes them: 1000 kB are an MB. */
export function bytes(n) {
  let unit = 0;
  for (; n >= 999.5 && unit < 5; unit++) n /= 1000;
  return `${n.toFixed(unit && n < 9.95 ? 1 : 0)} ${["B", "kB", "MB", "GB", "TB", "PB"][unit]}`;
}

export function time(seconds) {
  const s = Math.max(0, seconds);
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 100) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  if (s < 6000) return `${Math.round(s / 60)} min`;
  return s < 48 * 3600 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

export const some = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
export const get = id => document.getElementById(id);

/* el("p", {class: "x"}, child, "text"..) */
export const el = (name, ...rest) => dress(document.createElement(name), ...rest);
export const svg = (name, ...rest) =>
  dress(document.createElementNS("http://www.w3.org/2000/svg", name), ...rest);
function dress(node, attributes, ...children) {
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/* Only what changed is written. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
