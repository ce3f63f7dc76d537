/* SPDX-License-Identifier: Apache-2.0
 *
 * owners.js - who has an extent, and its colour. Several answers that use one make it "shared", one
 * gives it the hue of its owner, and it keeps that when the answer has ended; what the page never
 * saw in use is "nobody", grey. Hues go round after six; a name always stands beside.
 */
const HUES = 6, REMEMBERED = 4096;
const hues = new Map(), last = new Map(); /* owner -> class; ref -> owner, null: several */
let now = new Map(); /* ref -> [job..] that use it */

export const owner_of = job => job.owner || "local";
export const users_of = ref => now.get(ref) || [];

export function see_owners(state) {
  now = new Map();
  for (const job of state.jobs)
    for (const ref of new Set(job.extents)) now.set(ref, [...users_of(ref), job]);
  for (const [ref, users] of now) {
    last.delete(ref);
    last.set(ref, users.length === 1 ? owner_of(users[0]) : null);
  }
  for (const ref of last.keys()) {
    if (last.size <= REMEMBERED) break;
    last.delete(ref);
  }
}

export function hue(owner) {
  if (hues.size >= REMEMBERED) hues.clear();
  if (!hues.has(owner)) hues.set(owner, `h${hues.size % HUES}`);
  return hues.get(owner);
}

/* [class, name] */
export function paint(extent) {
  const owner = last.get(extent.ref);
  if (users_of(extent.ref).length > 1 || extent.readers > 1) return ["shared", "shared by several"];
  return owner ? [hue(owner), owner] : ["nobody", "nobody now"];
}

/* One extent is looked at, in the map or in the drawing: both show it. null: none is. */
const lookers = [];
export const on_look = f => lookers.push(f);
export const look = ref => lookers.forEach(f => f(ref));
/* Its reference, of what the pointer is on. */
export function pointed(host) {
  host.addEventListener("pointerover", event => {
    const node = event.target.closest("[data-ref]");
    look(node ? node.dataset.ref : null);
  });
  host.addEventListener("pointerleave", () => look(null));
}
