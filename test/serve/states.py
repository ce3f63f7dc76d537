# SPDX-License-Identifier: Apache-2.0
"""test/serve/states.py - what the page is shown in test_page.py, and what it is asked about itself.

A small server of the page's files, with the headers of the real one; states as /api/state tells
them; streamed answers and refusals; expressions that measure what was drawn.
"""
import http.server
import json
import re
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "src" / "serve" / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
CSP = "default-src 'self'; connect-src 'self'; img-src 'self' data:"
ROW = 23040  # bytes of a token in these states


class Files(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = "index.html" if self.path == "/" else self.path.removeprefix("/page/")
        path = PAGE / name
        found = "/" not in name and path.is_file()
        body = path.read_bytes() if found else b"not here"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", TYPES.get(path.suffix, "text/plain") + "; charset=utf-8")
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


# ---- states -------------------------------------------------------------------------------------


def name(n):
    """The n-th reference: text, since neighbours of 64 bits are one number to a browser."""
    return str(2923926786859352000 + n)


def extent(ref, rows, start=0, tier="memory", **more):
    now = int(time.time())
    size = rows * ROW
    return {"ref": name(ref), "rows": rows, "memory": size * (tier != "disk"),
            "disk": size * (tier != "memory"), "born": now - 1000 + ref, "used": now,
            "cost_us": rows * 800, "writer": 0, "reader": 0, "readers": 0, "open": 0, "kept": 0,
            "start": start, **more}


def job(number, extents, prompt, tokens, owner="anna", state="writing", cached=0):
    return {"id": number, "owner": owner, "model": "small", "state": state, "age_ms": 1500.0,
            "prompt_tokens": prompt, "cached_tokens": cached, "tokens": tokens,
            "extents": [name(n) for n in extents]}


def state(there=(), jobs=(), **region):
    held = sum(e["memory"] for e in there)
    return {"version": "0.1.0", "uptime_s": 100.0, "jobs": list(jobs), "extents": list(there),
            "loop": {"running": sum(j["state"] != "waiting" for j in jobs),
                     "waiting": sum(j["state"] == "waiting" for j in jobs), "slots": 64,
                     "step_tokens": 288, "steps": 10, "busy_us": 10, "read": 100, "cached": 900,
                     "written": 50, "ended": 1, "cancelled": 0, "failed": 0, "preempted": 0},
            "region": {"path": "/dev/shm/r", "disk": "/tmp/r", "limit": 1 << 30, "charged": held,
                       "warm": 0, "disk_limit": 8 << 30,
                       "stored": sum(e["disk"] for e in there), "held": held, "size": 1 << 32,
                       "rows": sum(e["rows"] for e in there), "cost_us": 5, "processes": 1,
                       "extents": len(there), "open": 0, "out": 0, "asked": 1000, "found": 900,
                       "evicted": 0, "moved": 0, "damaged": 0, "watched": 0, "taken": 0, "given": 0,
                       "refused": 0, "unlinked": 0, **region},
            "processes": [], "models": [{"name": "small", "loaded": True}],
            "memory": {"limit": 2 << 30, "resident": 300 << 20},
            "tokens_per_s": {"read": 1234.0, "written": 56.7}}


def busy():
    """Three answers of two owners share 900 tokens, two of them 300 more; one waits."""
    extents = [extent(1, 1000, kept=1, readers=3), extent(2, 200, 1000, readers=1),
               extent(3, 50, 1200, open=1, readers=1), extent(4, 70, 1200, open=1, readers=1),
               extent(5, 90, 900, open=1, readers=1), extent(6, 400, tier="disk"),
               extent(7, 300, tier="both")]
    jobs = [job(1, [1, 2, 3], 1240, 10, "anna"), job(2, [1, 5], 980, 10, "ben"),
            job(3, [1, 2, 4], 1250, 20, "anna"), job(4, [], 1500, 0, "cleo", "waiting")]
    return state(extents, jobs)


def stream(text, usage=True, done=True):
    """The body of a streamed answer, a word a chunk."""
    out = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}]
    out += [{"choices": [{"index": 0, "delta": {"content": word}}]}
            for word in re.findall(r"\S*\s*", text) if word]
    out.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if usage:
        out.append({"choices": [], "usage": {
            "prompt_tokens": 1530, "completion_tokens": 9, "total_tokens": 1539,
            "prompt_tokens_details": {"cached_tokens": 1512}}})
    events = "".join(f"data: {json.dumps(o)}\n\n" for o in out) + "data: [DONE]\n\n" * done
    return 200, events.encode(), "text/event-stream"


def refusal(status, message):
    return status, json.dumps({"error": {"message": message, "type": "invalid_request_error",
                                         "param": None, "code": None}}).encode()


# ---- what a page is asked about itself -----------------------------------------------------------

# The contrast of every text that can be seen: what falls short of WCAG AA, and how many there are.
CONTRAST = """(() => {
  const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = '#000';
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3]));
  const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = c => c.map((v, i) => linear(v / 255) * [.2126, .7152, .0722][i])
    .reduce((a, b) => a + b);
  const ground = node => {
    const stack = [];
    for (let n = node; n && stack.at(-1)?.[3] !== 1; n = n.parentElement)
      stack.push(rgba(getComputedStyle(n).backgroundColor));
    return stack.reduceRight((below, c) => over(c, below), [255, 255, 255]);
  };
  const bad = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  for (let text; (text = walk.nextNode());) {
    const node = text.parentElement, style = getComputedStyle(node), range = document.createRange();
    range.selectNodeContents(text);
    if (!text.data.trim() || !range.getBoundingClientRect().width) continue;
    if (node.closest('.sr, script, option, button:disabled')) continue;  // as WCAG does
    let back = ground(node), ink = rgba(style.color);
    if (node.ownerSVGElement) ink = rgba(style.fill);
    if (node.matches('.within')) back = rgba(getComputedStyle(node.previousElementSibling).fill);
    const [dim, bright] = [light(over(ink, back)), light(back)].sort((a, b) => a - b);
    const ratio = (bright + .05) / (dim + .05), size = parseFloat(style.fontSize);
    const needed = size >= 24 || size >= 18.66 && style.fontWeight >= 700 ? 3 : 4.5;
    seen++;
    if (ratio < needed) bad.push([text.data.slice(0, 40), ratio.toFixed(2)]);
  }
  return {bad, seen};
})()"""
TILES = """[...document.querySelectorAll('.tile[data-ref]')].map(t => ({
  ref: t.dataset.ref, map: t.parentElement.id, kinds: t.className.split(' '),
  said: t.getAttribute('aria-label'),
  pieces: [...t.children].map(i => i.getBoundingClientRect().width + 2)}))"""
BLOCKS = """[...document.querySelectorAll('.block')].map(b => ({
  ref: b.dataset.ref, x: b.getBBox().x, y: b.getBBox().y,
  w: b.getBBox().width, h: b.getBBox().height}))"""
PLACES = """[...document.querySelectorAll(
  'header, .card, .panel, .map, #legend, #about, #share, #log, #form')].map(n => {
    const b = n.getBoundingClientRect();
    return [n.id || n.className, b.x, b.y, b.width, b.height].join(' ');
  })"""
FOCUS = """(() => {
  const n = document.activeElement, s = getComputedStyle(n);
  return {id: n.id || n.textContent.trim().slice(0, 20), body: n === document.body,
          ring: s.outlineStyle + ' ' + s.outlineWidth};
})()"""
