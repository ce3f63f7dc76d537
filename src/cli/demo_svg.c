/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/demo_svg.c - the demo as a picture: what each process was asked and said, and how long its
 * first words took.
 */
#include "cli/demo.h"

#include "base/error.h"

#include <stdio.h>

enum { WIDTH = 860, LINE = 18, PANE_LINES = 6, WRAP = 46, BAR = 420 };

/* Text of strangers inside XML. */
static int put(mn_buf *b, const char *text) {
    for (; *text; text++) {
        const char *safe = *text == '<'   ? "&lt;"
                           : *text == '>' ? "&gt;"
                           : *text == '&' ? "&amp;"
                                          : NULL;
        const unsigned char c = (unsigned char)*text;
        if (safe)
            MN_TRY(mn_buf_puts(b, safe));
        else if (c >= 32)
            MN_TRY(mn_buf_append(b, text, 1));
    }
    return 0;
}

static int say(mn_buf *b, int x, int y, const char *style, const char *text) {
    MN_TRY(mn_buf_printf(b, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, style));
    MN_TRY(put(b, text));
    return mn_buf_puts(b, "</text>\n");
}

/* One process: its name, its question, the beginning of its answer. */
static int pane(mn_buf *b, const mn_demo_run *r, int x, int y) {
    char line[256];
    MN_TRY(mn_buf_printf(b,
                         "<rect x=\"%d\" y=\"%d\" width=\"400\" height=\"%d\" class=\"pane\"/>\n",
                         x, y, 54 + PANE_LINES * LINE));
    snprintf(line, sizeof line, "process %d  %s", (int)r->pid,
             r->killed ? "killed with -9 while it answers" : r->role);
    MN_TRY(say(b, x + 14, y + 22, r->killed ? "dead" : "name", line));
    snprintf(line, sizeof line, "> %s", r->question);
    MN_TRY(say(b, x + 14, y + 42, "ask", line));
    const char *text = r->text.len ? r->text.data : "";
    for (int i = 0; i < PANE_LINES; i++) {
        mn_demo_wrap(text, WRAP, i, line);
        if (*line) MN_TRY(say(b, x + 14, y + 62 + i * LINE, "said", line));
    }
    return 0;
}

static int bar(mn_buf *b, const mn_demo_run *r, double most, int y) {
    char line[160];
    const double n = r->first_ms / most * BAR;
    snprintf(line, sizeof line, "process %d", (int)r->pid);
    MN_TRY(say(b, 20, y + 14, "name", line));
    MN_TRY(mn_buf_printf(
        b, "<rect x=\"130\" y=\"%d\" width=\"%.1f\" height=\"18\" rx=\"2\" class=\"%s\"/>\n", y,
        n < 2 ? 2.0 : n, r->killed ? "slow" : "fast"));
    if (r->killed)
        snprintf(line, sizeof line, "%.0f ms, read the document", r->first_ms);
    else
        snprintf(line, sizeof line, "%.0f ms, cached %d of %d, computed by process %lld",
                 r->first_ms, r->cached, r->prompt, r->by);
    return say(b, 138 + (int)n, y + 14, "said", line);
}

int mn_demo_svg(const mn_demo_run *run, int n, const char *model, mn_buf *b) {
    const int top = 46, height = 54 + PANE_LINES * LINE, below = top + height + 40;
    double most = 1;
    for (int i = 0; i < n; i++)
        if (run[i].first_ms > most) most = run[i].first_ms;
    MN_TRY(mn_buf_printf(
        b,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
        "%d\" font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"13\">\n"
        "<style>.pane{fill:#fff;stroke:#c9ced6}.name{font-weight:bold;fill:#1f2733}"
        ".dead{font-weight:bold;fill:#b3261e}.ask{fill:#0b6e99}.said{fill:#3c4654}"
        ".slow{fill:#b8c0cc}.fast{fill:#1a9e6c}</style>\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#f5f6f8\"/>\n",
        WIDTH, below + n * 28 + 12, WIDTH, below + n * 28 + 12));
    char line[160];
    snprintf(line, sizeof line, "omnesia demo: three processes, one document (%s)", model);
    MN_TRY(say(b, 20, 28, "name", line));
    MN_TRY(pane(b, run, 20, top));
    MN_TRY(pane(b, run + 1, 440, top));
    MN_TRY(say(b, 20, below - 12, "said",
               "first words of the answer, from the start of the process:"));
    for (int i = 0; i < n; i++) MN_TRY(bar(b, run + i, most, below + i * 28));
    return mn_buf_puts(b, "</svg>\n");
}
