/* SPDX-License-Identifier: Apache-2.0
 *
 * owners.js - who has an extent, and what colour that is. Answers that run say which extents they
 * use: several of them make it "shared", one gives it the hue of its owner. When the answer has
 * ended its extents keep that hue, since the page saw whose they were; what it never saw in use is
 * "nobody's", grey. Hues go round after six; the name always stands beside.
 */
const HUES = 6, REMEMBERED = 4096;
const hues = new Map(); /* owner -> class */
const last = new Map(); /* ref -> owner */

export const owner_of = job => job.owner || "local";

function hue(owner) {
  if (!hues.has(owner)) {
    if (hues.size >= REMEMBERED) hues.clear();
    hues.set(owner, `h${hues.size % HUES}`);
  }
  return hues.get(owner);
}

/* {ref: {users: [job..], kind: class, owner: name or null}} of what is in use now; ask users_of. */
let now = new Map();
export function see_owners(state) {
  now = new Map();
  for (const job of state.jobs)
    for (const ref of job.extents) {
      if (!now.has(ref)) now.set(ref, []);
      now.get(ref).push(job);
    }
  for (const [ref, users] of now) {
    last.delete(ref);
    last.set(ref, users.length === 1 ? owner_of(users[0]) : null);
  }
  for (const ref of last.keys()) {
    if (last.size <= REMEMBERED) break;
    last.delete(ref);
  }
}

export const users_of = ref => now.get(ref) || [];

/* {kind: "shared", "h0".. or "nobody", name} */
export function paint(extent) {
  const users = users_of(extent.ref);
  if (users.length > 1 || extent.readers > 1) return { kind: "shared", name: "shared" };
  const owner = last.get(extent.ref);
  return owner ? { kind: hue(owner), name: owner } : { kind: "nobody", name: "nobody now" };
}
export const paint_job = job => hue(owner_of(job));

/* One reference is looked at, in the map or in the drawing: both show it. */
const watchers = [];
export const on_look = f => watchers.push(f);
export function look(ref) { for (const f of watchers) f(ref); }
