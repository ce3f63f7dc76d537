/* SPDX-License-Identifier: Apache-2.0
 *
 * text.js - what a model wrote, as elements: paragraphs, headings, lists, fenced code, and in a line
 * `code`, **bold** and *italic*. All else, HTML and links above all, stays the text that it is. One
 * pass over the lines, no recursion, so no text is too deep. A fence without its end is code to the
 * end: that is how a stream looks until it has come.
 */
import { el } from "./units.js";

const FENCE = /^\s{0,3}(```+|~~~+)\s*([\w+#.-]{0,20})/, ITEM = /^(\s{0,8})(?:[-*+]|(\d{1,4})[.)])\s+(.*)$/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const INLINE = /(`+)([^`\n]{1,2000}?)\1(?!`)|\*\*([^\s*](?:[^*\n]{0,2000}?[^\s*])?)\*\*|\*([^\s*](?:[^*\n]{0,500}?[^\s*])?)\*/g;

function inline(line) {
  const out = [];
  let last = 0;
  for (const m of line.matchAll(INLINE)) {
    if (m.index > last) out.push(line.slice(last, m.index));
    out.push(m[1] ? el("code", null, m[2]) : m[3] ? el("strong", null, m[3]) : el("em", null, m[4]));
    last = m.index + m[0].length;
  }
  if (last < line.length) out.push(line.slice(last));
  return out;
}

/* Lines of one paragraph keep their ends. */
function paragraph(lines) {
  const p = el("p");
  lines.forEach((line, i) => p.append(...(i ? [el("br")] : []), ...inline(line)));
  return p;
}

function item(out, m) {
  const ordered = m[2] !== undefined, deep = m[1].length > 1;
  let list = out.at(-1);
  if (!list || list.nodeName !== (ordered ? "OL" : "UL")) {
    if (deep && list && /^[OU]L$/.test(list.nodeName)) { /* an inner list of the other kind joins */ }
    else out.push(list = ordered ? el("ol", { start: m[2] }) : el("ul"));
  }
  list.append(el("li", deep ? { class: "deep" } : null, ...inline(m[3])));
}

/* The elements of a text. */
export function elements(text) {
  const out = [], lines = text.split("\n");
  let open = [];
  const close = () => { if (open.length) out.push(paragraph(open)); open = []; };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i], fence = FENCE.exec(line);
    if (fence) {
      close();
      const code = [];
      while (++i < lines.length && !lines[i].trim().startsWith(fence[1])) code.push(lines[i]);
      out.push(el("pre", { tabindex: "0", "data-kind": fence[2] || null }, el("code", null, code.join("\n"))));
      continue;
    }
    const listed = ITEM.exec(line), heading = HEADING.exec(line);
    if (listed || heading || !line.trim()) close();
    if (listed) item(out, listed);
    else if (heading) out.push(el("p", { class: "heading" }, ...inline(heading[2])));
    else if (line.trim()) open.push(line);
  }
  close();
  return out;
}
