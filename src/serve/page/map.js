/* SPDX-License-Identifier: Apache-2.0
 *
 * map.js - the memory map: every extent of the region a tile whose length is its bytes, in the order
 * in which they were made, row after row like words on a page. A row has a fixed number of bytes, so
 * a tile grows where it is and nothing jumps; the whole area is the limit, halved as often as what
 * is there fits, and what is free stays empty. Two areas: what is in memory, and what is on disk
 * alone. One stop of the Tab key; arrows go from tile to tile.
 */
import { look, on_look, paint, users_of, owner_of } from "./owners.js";
import { bytes, count, el, get, number, say, some, time } from "./units.js";

const LEAST = 1 << 20, GAP = 2, THIN = 3;

class Area {
  constructor(host, rows, name, size) {
    Object.assign(this, { host, rows, size, tiles: new Map(), extents: [], full: LEAST, at: null });
    host.setAttribute("role", "listbox");
    host.setAttribute("aria-label", name);
    host.style.setProperty("--rows", rows);
    host.tabIndex = 0;
    this.none = el("p", { class: "none" });
    host.append(this.none);
    host.addEventListener("pointerover", event => this.point(event.target.closest("[data-ref]")));
    host.addEventListener("pointerleave", () => look(null));
    host.addEventListener("focus", () => look(this.at ??= this.extents.length ? this.extents.at(-1).ref : null));
    host.addEventListener("blur", () => look(null));
    host.addEventListener("keydown", event => this.key(event));
    new ResizeObserver(() => this.place()).observe(host);
  }

  point(tile) { look(tile ? Number(tile.dataset.ref) : null); }

  key(event) {
    const step = { ArrowLeft: -1, ArrowUp: -10, ArrowRight: 1, ArrowDown: 10, Home: -1e9, End: 1e9 }[event.key];
    if (!step || !this.extents.length) return;
    event.preventDefault();
    const i = this.extents.findIndex(e => e.ref === this.at);
    this.at = this.extents[Math.min(this.extents.length - 1, Math.max(0, i + step))].ref;
    look(this.at);
  }

  /* Extents, the bytes of those that are not listed, and the limit. */
  show(extents, beyond, limit, why) {
    this.extents = extents;
    this.beyond = beyond;
    const used = beyond + extents.reduce((sum, e) => sum + this.size(e), 0);
    const top = Math.max(limit, used, LEAST);
    let full = top;
    while (full / 2 >= Math.max(used * 1.15, LEAST)) full /= 2;
    /* It shrinks late, so that it does not swing. */
    if (full > this.full || this.full > top || used < this.full / 4 || this.full === LEAST) this.full = full;
    this.none.textContent = extents.length || beyond ? "" : why;
    this.fill();
    this.place();
  }

  fill() {
    const there = new Set(this.extents.map(e => e.ref));
    for (const [ref, tile] of this.tiles)
      if (!there.has(ref)) { tile.remove(); this.tiles.delete(ref); }
    for (const e of this.extents) {
      let tile = this.tiles.get(e.ref);
      if (!tile) {
        tile = el("div", { role: "option", id: `${this.host.id}-${e.ref}`, "data-ref": e.ref });
        this.tiles.set(e.ref, tile);
        this.host.append(tile);
      }
      const name = `tile ${paint(e).kind}${e.memory ? "" : " out"}${e.open ? " open" : ""}${e.kept ? " kept" : ""}`;
      if (tile.dataset.kind !== name) tile.dataset.kind = tile.className = name;
      tile.setAttribute("aria-label", tell(e)[0]);
    }
    if (!this.rest) this.host.append(this.rest = el("div", { class: "tile rest", "aria-hidden": "true" }));
    this.mark(this.seen ?? null);
  }

  /* Cut the line of bytes into rows. */
  place() {
    const width = this.host.clientWidth, row = this.full / this.rows;
    if (!width || !this.rest) return;
    let at = 0;
    const put = (tile, n) => {
      let pieces = 0, left = n;
      do {
        const line = Math.min(this.rows - 1, Math.floor(at / row)), from = at - line * row;
        const here = line === this.rows - 1 ? left : Math.min(left, row - from);
        const piece = tile.children[pieces] || tile.appendChild(el("i"));
        piece.style.setProperty("--row", line);
        piece.style.left = `${width * from / row}px`;
        piece.style.width = `${Math.max(width * here / row - GAP, THIN)}px`;
        at += here;
        left -= here;
        pieces++;
      } while (left > row / 1e6);
      while (tile.children.length > pieces) tile.lastChild.remove();
    };
    this.rest.hidden = !this.beyond;
    if (this.beyond) put(this.rest, this.beyond);
    for (const e of this.extents) put(this.tiles.get(e.ref), this.size(e));
  }

  mark(ref) {
    this.seen = ref;
    for (const [at, tile] of this.tiles) {
      tile.classList.toggle("seen", at === ref);
      tile.setAttribute("aria-selected", at === ref);
    }
    const tile = this.tiles.get(ref);
    if (tile) this.host.setAttribute("aria-activedescendant", tile.id);
    else this.host.removeAttribute("aria-activedescendant");
  }
}

const memory = new Area(get("memory-map"), 6, "Extents in memory", e => number(e.memory));
const disk = new Area(get("disk-map"), 2, "Extents on disk alone", e => number(e.disk));
let known = new Map(), self = 0, looked = null;

/* An extent in words: what it is, and who has it. */
function tell(e) {
  const where = e.open ? "growing" : e.memory ? e.disk ? "in memory and on disk" : "in memory" : "on disk alone";
  const from = e.start < 0 ? "unreadable" : e.start ? `from token ${count(e.start)}` : "from the beginning";
  const users = [...new Set(users_of(e.ref).map(owner_of))];
  const names = users.slice(0, 4).join(", ") + (users.length > 4 ? ` and ${users.length - 4} more` : "");
  const who = users.length ? `used by ${names}` : e.readers ? `used by process ${e.reader}` : "nobody uses it now";
  const now = Date.now() / 1000;
  return [`${some(e.rows, "token")} ${from}, ${bytes(e.memory || e.disk)} ${where}${e.kept ? ", pinned" : ""}`,
    `${who}; computed in ${time(e.cost_us / 1e6)}, ${time(now - e.born)} ago, used ${time(now - e.used)} ago`];
}

function about(ref) {
  const e = known.get(ref), box = get("about");
  if (e) box.replaceChildren(el("strong", null, tell(e)[0]), el("br"), tell(e)[1]);
  else if (ref !== looked || !box.firstChild)
    box.replaceChildren("Point at a tile, or reach it with Tab and the arrows, to see what it is.");
  looked = ref;
}
on_look(ref => { memory.mark(ref); disk.mark(ref); about(ref); });

function legend(extents) {
  const kinds = new Map();
  for (const e of extents) { const p = paint(e); if (!kinds.has(p.name)) kinds.set(p.name, p.kind); }
  const order = name => name === "shared" ? 0 : name === "nobody now" ? 2 : 1;
  const names = [...kinds.keys()].sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1));
  const key = names.join("\n");
  const box = get("legend");
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  const entry = (name, kind) => el("span", null, el("i", { class: `swatch ${kind}` }), name);
  const owned = names.filter(n => order(n) === 1), shown = owned.slice(0, 5);
  box.replaceChildren(entry("shared by several", "shared"), ...shown.map(n => entry(n, kinds.get(n))),
    ...(owned.length > 5 ? [el("span", null, `and ${owned.length - 5} more`)] : []),
    entry("nobody now", "nobody"), entry("on disk", "nobody out"), entry("growing", "open"), entry("pinned", "kept"));
}

function meter(name, has, most) {
  const part = most ? Math.min(1, has / most) : 0, node = get(`${name}-meter`);
  node.firstElementChild.style.width = `${100 * part}%`;
  node.classList.toggle("high", part > 0.9);
  node.setAttribute("aria-valuemax", most);
  node.setAttribute("aria-valuenow", Math.min(has, most));
  node.setAttribute("aria-valuetext", `${bytes(has)} of ${bytes(most)}`);
  say(get(`${name}-of`), most ? `${bytes(has)} of ${bytes(most)}` : "none");
}

function facts(r, listed) {
  const parts = [some(r.extents, "extent"), `${count(r.rows)} tokens`, some(number(r.processes) + 1, "process", "processes")];
  if (listed < r.extents) parts[0] = `newest ${count(listed)} of ${some(r.extents, "extent")}`;
  if (r.evicted) parts.push(`${count(r.evicted)} evicted`);
  if (r.damaged) parts.push(`${count(r.damaged)} damaged`);
  say(get("map-facts"), parts.join(" · "));
}

export function show_map(state) {
  const r = state.region, all = r ? [...state.extents].sort((a, b) => a.born - b.born || a.ref - b.ref) : [];
  known = new Map(all.map(e => [e.ref, e]));
  const here = all.filter(e => e.memory > 0), out = all.filter(e => !e.memory);
  const sum = (list, size) => list.reduce((n, e) => n + number(e[size]), 0);
  const hidden = r && all.length < r.extents;
  memory.show(here, hidden ? Math.max(0, r.charged - sum(here, "memory")) : 0, r ? r.limit : 0,
    r ? "Nothing yet. What a model reads is kept here, for whoever asks next." : "This server shares nothing: it runs without a region.");
  disk.show(out, 0, r ? r.disk_limit : 0, r && r.disk ? "Nothing is on disk alone." : "There is no disk tier.");
  meter("memory", r ? r.charged : 0, r ? r.limit : 0);
  meter("disk", r ? r.stored : 0, r ? r.disk_limit : 0);
  legend(all);
  if (r) facts(r, all.length); else say(get("map-facts"), "");
  about(looked);
}
