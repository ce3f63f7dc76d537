/* SPDX-License-Identifier: Apache-2.0
 *
 * text.js - what a model wrote, as elements: paragraphs, headings, lists, fenced code, and in a
 * line `code`, **bold** and *italic*. All else, HTML and links above all, stays the text it is.
 * One pass, no recursion. A fence without its end is code to the end: so a stream looks meanwhile.
 */
import { el } from "./units.js";

const FENCE = /^\s{0,3}(```+|~~~+)/, HEADING = /^#{1,6}\s+(.*?)\s*#*$/;
const ITEM = /^(\s{0,8})(?:[-*+]|(\d{1,4})[.)])\s+(.*)$/;
const INLINE = new RegExp("(`+)([^`]{1,2000}?)\\1(?!`)"
  + "|\\*\\*([^\\s*](?:[^*]{0,2000}?[^\\s*])?)\\*\\*|\\*([^\\s*](?:[^*]{0,500}?[^\\s*])?)\\*", "g");

function inline(line) {
  const out = [];
  let last = 0;
  for (const m of line.matchAll(INLINE)) {
    out.push(line.slice(last, m.index), m[1] ? el("code", null, m[2])
      : el(m[3] ? "strong" : "em", null, m[3] || m[4]));
    last = m.index + m[0].length;
  }
  return [...out, line.slice(last)].filter(part => part !== "");
}

/* An item goes to the list above it, when that is of its kind or it is set deeper. */
function item(out, [, blanks, number, text]) {
  const name = number ? "OL" : "UL", deep = blanks.length > 1;
  let list = out.at(-1);
  if (list?.nodeName !== name && !(deep && /^[OU]L$/.test(list?.nodeName)))
    out.push(list = el(name, number ? { start: number } : null));
  list.append(el("li", deep ? { class: "deep" } : null, ...inline(text)));
}

/* The elements of a text. */
export function elements(text) {
  const out = [], lines = text.split("\n");
  let open = null;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    const [fence, listed, heading] = [FENCE, ITEM, HEADING].map(kind => kind.exec(line));
    if (!fence && !listed && !heading && line.trim()) {
      if (open) open.append(el("br"), ...inline(line));
      else out.push(open = el("p", null, ...inline(line)));
      continue;
    }
    open = null;
    if (fence) {
      const from = ++i;
      while (i < lines.length && !lines[i].trim().startsWith(fence[1])) i++;
      out.push(el("pre", { tabindex: 0 }, el("code", null, lines.slice(from, i).join("\n"))));
    } else if (listed) item(out, listed);
    else if (heading) out.push(el("p", { class: "heading" }, ...inline(heading[1])));
  }
  return out;
}
