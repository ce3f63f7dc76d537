/* SPDX-License-Identifier: Apache-2.0
 *
 * units.js - how numbers are written, and how elements are made. All text enters the page here, as
 * text: no string is ever read as HTML.
 */
const grouped = new Intl.NumberFormat("en");

export const number = x => Number.isFinite(x) ? x : 0;

/* 1,532 and 23,010, but 1.2 M; rates with one digit behind the point where it says something */
export function count(n) {
  n = number(n);
  if (Math.abs(n) >= 999_500) return `${(n / 1e6).toFixed(n < 9.95e6 ? 1 : 0)} M`;
  return grouped.format(Math.abs(n) < 10 && n % 1 ? Math.round(n * 10) / 10 : Math.round(n));
}

/* As the program writes them: 1000 kB are an MB. */
export function bytes(n) {
  n = number(n);
  let unit = 0;
  for (; n >= 999.5 && unit < 5; unit++) n /= 1000;
  return `${unit && n < 9.95 ? n.toFixed(1) : n.toFixed(0)} ${["B", "kB", "MB", "GB", "TB", "PB"][unit]}`;
}

export function time(seconds) {
  const s = Math.max(0, number(seconds));
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 100) return `${Math.round(s)} s`;
  if (s < 6000) return `${Math.round(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
}

export const some = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
export const get = id => document.getElementById(id);

/* el("p", {class: "x", title: "y"}, child, "text"..) */
export function el(name, attributes, ...children) {
  return dress(document.createElement(name), attributes, children);
}
export function svg(name, attributes, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}
function dress(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {}))
    if (value !== null && value !== undefined) node.setAttribute(key, value);
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
}

/* Only what changed is written: a page that shows the same costs nothing. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
