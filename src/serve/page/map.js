/* SPDX-License-Identifier: Apache-2.0
 *
 * map.js - the memory map: every extent a tile whose length is its bytes, in the order they were
 * made, row after row like words. A row has a fixed number of bytes, so a tile grows where it is;
 * the area is the limit, halved as often as all of it fits. One area is memory, one what is on disk
 * alone; each is one stop of the Tab key, arrows go from tile to tile.
 */
import { look, on_look, owner_of, paint, pointed, users_of } from "./owners.js";
import { bytes, count, el, get, say, some, time } from "./units.js";

const LEAST = 1 << 20, GAP = 2, THIN = 3;
const STEPS = { ArrowLeft: -1, ArrowUp: -10, ArrowRight: 1, ArrowDown: 10, Home: -1e9, End: 1e9 };

class Area {
  constructor(host, rows, size) {
    Object.assign(this, { host, rows, size, tiles: new Map(), extents: [], full: LEAST });
    this.none = el("p", { class: "none" });
    this.rest = el("div", { class: "tile rest", "aria-hidden": "true" });
    host.append(this.none, this.rest);
    pointed(host);
    host.addEventListener("focus", () => look(this.at ??= this.extents.at(-1)?.ref ?? null));
    host.addEventListener("blur", () => look(null));
    host.addEventListener("keydown", event => this.key(event));
    new ResizeObserver(() => this.place()).observe(host);
  }

  key(event) {
    const step = STEPS[event.key], { length } = this.extents;
    if (!step || !length) return;
    event.preventDefault();
    const i = this.extents.findIndex(e => e.ref === this.at) + step;
    look(this.at = this.extents[Math.min(length - 1, Math.max(0, i))].ref);
  }

  /* Extents, the bytes of those that are not listed, the limit, and what to say of none. */
  show(extents, beyond, limit, why) {
    Object.assign(this, { extents, beyond });
    const used = beyond + extents.reduce((sum, e) => sum + this.size(e), 0);
    const most = Math.max(limit, used, LEAST);
    let full = most;
    while (full / 2 >= Math.max(used * 1.15, LEAST)) full /= 2;
    /* It shrinks late, so that it does not swing. */
    if (full > this.full || this.full > most || used < this.full / 4) this.full = full;
    say(this.none, extents.length || beyond ? "" : why);
    this.fill();
    this.place();
  }

  fill() {
    const old = this.tiles;
    this.tiles = new Map();
    for (const e of this.extents) {
      const tile = old.get(e.ref)
        || el("div", { role: "option", id: `${this.host.id}-${e.ref}`, "data-ref": e.ref });
      if (!old.delete(e.ref)) this.host.append(tile);
      this.tiles.set(e.ref, tile);
      const flags = [e.memory || "out", e.open && "open", e.kept && "kept"].filter(f => f in FLAGS);
      tile.className = ["tile", paint(e)[0], ...flags].join(" ");
      tile.setAttribute("aria-label", tell(e)[0]);
    }
    for (const tile of old.values()) tile.remove();
    this.mark(looked);
  }

  /* Cut the line of bytes into rows. */
  place() {
    const width = this.host.clientWidth, row = this.full / this.rows;
    let at = 0;
    const put = (tile, n) => {
      let i = 0;
      do {
        const line = Math.min(this.rows - 1, Math.floor(at / row)), from = at - line * row;
        const here = line === this.rows - 1 ? n : Math.min(n, row - from);
        const { style } = tile.children[i++] || tile.appendChild(el("i"));
        style.setProperty("--row", line);
        style.left = `${width * from / row}px`;
        style.width = `${Math.max(width * here / row - GAP, THIN)}px`;
        at += here;
        n -= here;
      } while (n > row / 1e6);
      while (tile.children.length > i) tile.lastChild.remove();
    };
    this.rest.hidden = !this.beyond;
    if (this.beyond) put(this.rest, this.beyond);
    for (const e of this.extents) put(this.tiles.get(e.ref), this.size(e));
  }

  mark(ref) {
    for (const [at, tile] of this.tiles) {
      tile.classList.toggle("seen", at === ref);
      tile.setAttribute("aria-selected", at === ref);
    }
    this.host.setAttribute("aria-activedescendant", this.tiles.get(ref)?.id || "");
  }
}

const FLAGS = { out: "on disk", open: "growing", kept: "pinned" };
let known = new Map(), looked = null;
const memory = new Area(get("memory-map"), 5, e => e.memory);
const disk = new Area(get("disk-map"), 2, e => e.disk);

/* An extent in words: what it is, and who has it. */
function tell(e) {
  const where = e.open ? "growing" : !e.memory ? "on disk alone"
    : e.disk ? "in memory and on disk" : "in memory";
  const from = e.start < 0 ? "that cannot be read"
    : e.start ? `from token ${count(e.start)}` : "from the beginning";
  const users = [...new Set(users_of(e.ref).map(owner_of))], more = users.length - 4;
  const names = users.slice(0, 4).join(", ") + (more > 0 ? ` and ${more} more` : "");
  const who = names ? `used by ${names}`
    : e.readers ? `used by process ${e.reader}` : "nobody uses it now";
  const ago = then => `${time(Date.now() / 1000 - then)} ago`;
  const what = `${some(e.rows, "token")} ${from}, ${bytes(e.memory || e.disk)} ${where}`;
  return [what + (e.kept ? ", pinned" : ""),
    `${who}; computed in ${time(e.cost_us / 1e6)}, ${ago(e.born)}, used ${ago(e.used)}`];
}

on_look(ref => {
  looked = ref;
  memory.mark(ref);
  disk.mark(ref);
  about();
});

function about() {
  const e = known.get(looked), [what, who] = e ? tell(e)
    : ["", "Point at a tile, or use Tab and the arrows, to see what it is."];
  say(get("about").firstElementChild, what);
  say(get("about").lastElementChild, who);
}

/* What colours and marks mean, then owners by name, as many as there is room for. */
function legend(extents) {
  const names = new Map([["shared by several", "shared"], ["nobody now", "nobody"],
    ...Object.entries(FLAGS).map(([kind, name]) => [name, kind])]);
  for (const [kind, name] of extents.map(paint).sort(([, a], [, b]) => a < b ? -1 : 1))
    if (!names.has(name)) names.set(name, kind);
  const entries = [...names].map(([name, kind]) =>
    el("span", null, el("i", { class: `swatch ${kind}` }), name));
  const box = get("legend");
  if (box.textContent !== [...names.keys()].join("")) box.replaceChildren(...entries);
}

function meter(name, has, most) {
  get(`${name}-meter`).firstElementChild.style.width = `${Math.min(100, 100 * has / (most || 1))}%`;
  say(get(`${name}-of`), most ? `${bytes(has)} of ${bytes(most)}` : "none");
}

export function show_map({ region, extents }) {
  const r = region || { charged: 0, limit: 0, stored: 0, disk_limit: 0, extents: 0 };
  const age = (a, b) => a.born - b.born || (a.ref < b.ref ? -1 : 1);
  const all = region ? [...extents].sort(age) : [];
  const out = all.filter(e => e.disk && !e.memory), here = all.filter(e => !out.includes(e));
  const hidden = all.length < r.extents ? r.charged - here.reduce((n, e) => n + e.memory, 0) : 0;
  known = new Map(all.map(e => [e.ref, e]));
  memory.show(here, Math.max(0, hidden), r.limit, region
    ? "Nothing yet. What a model reads is kept here, for whoever asks next."
    : "This server shares nothing: it runs without a region.");
  disk.show(out, 0, r.disk_limit, !r.disk ? "There is no disk tier."
    : r.stored ? "All of it is in memory as well." : "Nothing yet.");
  meter("memory", r.charged, r.limit);
  meter("disk", r.stored, r.disk_limit);
  legend(all);
  about();
  say(get("map-facts"), region ? [
    (all.length < r.extents ? `newest ${count(all.length)} of ` : "") + some(r.extents, "extent"),
    `${count(r.rows)} tokens`, some(r.processes + 1, "process", "processes"),
    r.evicted && `${count(r.evicted)} evicted`, r.damaged && `${count(r.damaged)} damaged`,
  ].filter(Boolean).join(" · ") : "");
}
