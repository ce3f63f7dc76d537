/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task_svg.c - a tree of tasks as a picture: a line each, with a box in the colour of its
 * status, below and right of what it is part of; arrows at the right lead from what is built on to
 * who builds on it, orange where that one is flagged. Of a large tree the first ROWS are drawn.
 */
#include "agent/task.h"
#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

enum { ROWS = 400, ROW = 36, BOX = 26, STEP = 28, LETTER = 8, TEXT = 48, LANES = 14, LANE = 11 };
static const char *const classes[] = {"pending", "done", "failed"};

/* Text of strangers inside XML: `most` characters of its first line, whole ones. Returns how many
 * there were. */
static int put(mn_buf *out, const char *text, int most) {
    const size_t n = strcspn(text, "\r\n");
    size_t at = 0;
    int shown = 0;
    while (at < n && shown < most) {
        const unsigned char c = (unsigned char)text[at];
        const int bytes = mn_utf8_sequence((const unsigned char *)text + at, n - at);
        const size_t step = bytes > 0 ? (size_t)bytes : 1;
        const char *const safe = c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : NULL;
        if (safe)
            MN_TRY(mn_buf_puts(out, safe));
        else if (bytes > 0 && c >= 32)
            MN_TRY(mn_buf_append(out, text + at, step));
        at += step;
        shown++;
    }
    if (text[at]) MN_TRY(mn_buf_puts(out, "…"));
    return shown + (text[at] != 0);
}

typedef struct picture {
    mn_tasks *t;
    int *row, *right; /* of each task: its line, -1: not drawn; where its box ends */
    int n, width;     /* lines; the widest */
    mn_buf body;
} picture;

static int top_of(int row) {
    return 44 + row * ROW;
}

static int draw_box(picture *p, int at) {
    const mn_task *const one = p->t->node + at;
    const int x = 20 + one->depth % 40 * STEP, y = top_of(p->row[at]);
    mn_buf line = {0};
    int rc = mn_buf_printf(&line, "<text x=\"%d\" y=\"%d\" class=\"t%s\">#%lld <tspan class=\"s\">",
                           x + 26, y + 18, one->replaced >= 0 ? " old" : "", (long long)one->id);
    int n = rc < 0 ? rc : put(&line, one->slot, TEXT), more = 0;
    if (n >= 0) rc = mn_buf_puts(&line, "</tspan>");
    if (n >= 0 && rc >= 0 && *one->text) rc = mn_buf_puts(&line, ": ");
    if (n >= 0 && rc >= 0) more = put(&line, one->text, TEXT);
    const int width = 50 + LETTER * (n + more + 5);
    p->right[at] = x + width;
    if (x + width > p->width) p->width = x + width;
    if (n < 0 || more < 0) rc = MN_ENOMEM;
    if (rc >= 0)
        rc = mn_buf_printf(&p->body,
                           "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\" "
                           "class=\"b%s\"/><circle cx=\"%d\" cy=\"%d\" r=\"6\" class=\"%s\"/>",
                           x, y, width, BOX, one->flagged ? " flag" : "", x + 14, y + 13,
                           classes[one->status]);
    if (rc >= 0) rc = mn_buf_puts(&p->body, line.data);
    if (rc >= 0) rc = mn_buf_puts(&p->body, "</text>\n");
    mn_buf_free(&line);
    return rc;
}

/* From what it is part of. */
static int draw_branch(picture *p, int at) {
    const mn_task *const one = p->t->node + at;
    if (one->parent < 0 || p->row[one->parent] < 0) return 0;
    const int x = 20 + p->t->node[one->parent].depth % 40 * STEP + 14;
    return mn_buf_printf(&p->body, "<path d=\"M%d %dV%dH%d\" class=\"l\"/>\n", x,
                         top_of(p->row[one->parent]) + BOX, top_of(p->row[at]) + 13,
                         20 + one->depth % 40 * STEP);
}

static int draw_arrows(picture *p, int at, int *lane) {
    const mn_task *const one = p->t->node + at;
    for (int d = 0; d < one->n_deps; d++) {
        const int to = one->deps[d];
        if (p->row[to] < 0) continue;
        const int x = p->width + 16 + (*lane)++ % LANES * LANE;
        MN_TRY(mn_buf_printf(&p->body,
                             "<path d=\"M%d %dH%dQ%d %d %d %dV%dQ%d %d %d %dH%d\" class=\"a%s\" "
                             "marker-end=\"url(#%s)\"/>\n",
                             p->right[to], top_of(p->row[to]) + 9, x - 6, x, top_of(p->row[to]) + 9,
                             x, top_of(p->row[to]) + (p->row[at] > p->row[to] ? 15 : 3),
                             top_of(p->row[at]) + (p->row[at] > p->row[to] ? 11 : 23), x,
                             top_of(p->row[at]) + 17, x - 6, top_of(p->row[at]) + 17,
                             p->right[at] + 5, one->flagged ? " flag" : "",
                             one->flagged ? "m2" : "m1"));
    }
    return 0;
}

static int draw(picture *p, int root) {
    const mn_task *const node = p->t->node;
    int at = root, left = 0, lane = 0;
    for (int i = 0; i < p->t->n; i++) p->row[i] = -1;
    while (at >= 0) {
        if (p->n < ROWS) {
            p->row[at] = p->n++;
            MN_TRY(draw_branch(p, at));
            MN_TRY(draw_box(p, at));
        } else
            left++;
        if (node[at].child >= 0) {
            at = node[at].child;
            continue;
        }
        while (at != root && node[at].next < 0) at = node[at].parent;
        at = at == root ? -1 : node[at].next;
    }
    for (int i = 0; i < p->t->n; i++)
        if (p->row[i] >= 0) MN_TRY(draw_arrows(p, i, &lane));
    if (left)
        MN_TRY(mn_buf_printf(&p->body, "<text x=\"20\" y=\"%d\" class=\"t\">%d more</text>\n",
                             top_of(p->n++) + 18, left));
    return 0;
}

static const char legend[] =
    "<g><circle cx=\"26\" cy=\"22\" r=\"6\" class=\"pending\"/><text x=\"38\" y=\"27\" class=\"t\">"
    "pending</text><circle cx=\"122\" cy=\"22\" r=\"6\" class=\"done\"/><text x=\"134\" y=\"27\" "
    "class=\"t\">done</text><circle cx=\"194\" cy=\"22\" r=\"6\" class=\"failed\"/><text x=\"206\" "
    "y=\"27\" class=\"t\">failed</text><path d=\"M272 22H296\" class=\"a\" "
    "marker-end=\"url(#m1)\"/><text x=\"308\" y=\"27\" class=\"t\">is built on by</text>"
    "<path d=\"M432 22H456\" class=\"a flag\" marker-end=\"url(#m2)\"/><text x=\"468\" y=\"27\" "
    "class=\"t\">what it builds on changed</text></g>\n";

static int finish(const picture *p, mn_buf *out) {
    int width = p->width + 32 + LANES * LANE;
    const int height = top_of(p->n) + 12;
    if (width < 700) width = 700; /* the legend */
    MN_TRY(mn_buf_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
        "%d\" font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"13\">\n"
        "<style>.b{fill:#fff;stroke:#c9ced6}.b.flag{stroke:#d9822b;stroke-width:2}.t{fill:#3c4654}"
        ".t.old{text-decoration:line-through;fill:#8a94a3}.s{font-weight:bold}.l{fill:none;stroke:"
        "#c9ced6}.a{fill:none;stroke:#0b6e99;stroke-width:1.5}.a.flag{stroke:#d9822b}.pending{fill:"
        "#fff;stroke:#6b7684;stroke-width:2}.done{fill:#1a9e6c}.failed{fill:#b3261e}</style>\n"
        "<defs><marker id=\"m1\" markerWidth=\"7\" markerHeight=\"8\" refX=\"6\" refY=\"4\" "
        "orient=\"auto\"><path d=\"M0 0L7 4L0 8z\" fill=\"#0b6e99\"/></marker><marker id=\"m2\" "
        "markerWidth=\"7\" markerHeight=\"8\" refX=\"6\" refY=\"4\" orient=\"auto\"><path d=\"M0 "
        "0L7 4L0 8z\" fill=\"#d9822b\"/></marker></defs>\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#f5f6f8\"/>\n",
        width, height, width, height));
    MN_TRY(mn_buf_puts(out, legend));
    MN_TRY(mn_buf_append(out, p->body.data, p->body.len));
    return mn_buf_puts(out, "</svg>\n");
}

int mn_task_picture(mn_tasks *t, int root, mn_buf *out) {
    picture p = {.t = t};
    MN_TRY(mn_arena_take(&t->arena, (size_t)t->n * sizeof *p.row, &p.row));
    MN_TRY(mn_arena_take(&t->arena, (size_t)t->n * sizeof *p.right, &p.right));
    int rc = draw(&p, root);
    if (rc >= 0) rc = finish(&p, out);
    mn_buf_free(&p.body);
    return rc;
}
