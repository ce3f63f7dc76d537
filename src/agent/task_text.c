/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task_text.c - a tree of tasks, drawn for a terminal:
 *
 *     #1 ○ Book a trip: two weeks in May
 *     ├─ #2 ● Dates: 3 to 9 May
 *     ├─ #3 ○ Flights ← #2 !
 *     │  └─ #5 ✗ Outbound: sold out
 *     └─ #4 ○ Hotel ∥ #3
 *     ○ pending  ● done  ✗ failed  ← builds on  ∥ beside  ! what it builds on has changed
 *
 * Texts are cut to a line each. What is over the budget is counted, not drawn.
 */
#include "agent/notes.h"
#include "agent/task.h"
#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

enum { LINE = 72 };
static const char *const marks[] = {"○", "●", "✗"};

/* The first line, whole characters, nothing that steers a terminal. */
static int put_line(mn_buf *out, const char *text) {
    size_t n = strcspn(text, "\r\n"), shown = 0, at = 0;
    while (at < n && shown < LINE) {
        size_t step;
        mn_utf8_shows((const unsigned char *)text + at, n - at, &step);
        MN_TRY(mn_buf_show(out, text + at, step, " "));
        at += step;
        shown++;
    }
    return text[at] ? mn_buf_puts(out, "…") : 0;
}

/* "#2", or a name of its own. */
static int put_name(const mn_tasks *t, const char *before, int at, mn_buf *out) {
    const mn_task *const one = t->node + at;
    MN_TRY(mn_buf_puts(out, before));
    return one->name ? mn_buf_show(out, one->name, strlen(one->name), " ")
                     : mn_buf_printf(out, "#%lld", (long long)one->id);
}

static int put_task(const mn_tasks *t, int at, mn_buf *out) {
    const mn_task *const one = t->node + at;
    MN_TRY(put_name(t, "", at, out));
    MN_TRY(mn_buf_printf(out, " %s ", marks[one->status]));
    MN_TRY(put_line(out, one->slot));
    if (*one->text) MN_TRY(mn_buf_puts(out, ": "));
    MN_TRY(put_line(out, one->text));
    for (int d = 0; d < one->n_deps; d++) MN_TRY(put_name(t, d ? " " : " ← ", one->deps[d], out));
    if (one->beside >= 0) MN_TRY(put_name(t, " ∥ ", one->beside, out));
    if (one->replaced >= 0) {
        MN_TRY(put_name(t, " (replaced by ", one->replaced, out));
        MN_TRY(mn_buf_puts(out, ")"));
    }
    return mn_buf_puts(out, one->flagged ? " !\n" : "\n");
}

/* The bars left of a task: one for each task above it that has a next one. */
static int put_bars(const mn_tasks *t, int root, int at, int *path, mn_buf *out) {
    int n = 0;
    for (int i = at; i != root; i = t->node[i].parent) path[n++] = i;
    while (n--) {
        const int more = t->node[path[n]].next >= 0;
        MN_TRY(mn_buf_puts(out, n ? (more ? "│  " : "   ") : (more ? "├─ " : "└─ ")));
    }
    return 0;
}

/* The next in the order they are drawn; -1: that was all. */
static int next_of(const mn_tasks *t, int root, int at) {
    if (t->node[at].child >= 0) return t->node[at].child;
    while (at != root && t->node[at].next < 0) at = t->node[at].parent;
    return at == root ? -1 : t->node[at].next;
}

int mn_task_draw(mn_tasks *t, int root, int64_t budget, mn_buf *out) {
    mn_buf line = {0};
    int64_t used = 0;
    int *path, left = 0, rc = 0;
    MN_TRY(mn_arena_take(&t->arena, (MN_TASK_DEPTH + 1) * sizeof *path, &path));
    for (int at = root; at >= 0 && rc >= 0; at = next_of(t, root, at)) {
        mn_buf_clear(&line);
        rc = put_bars(t, root, at, path, &line);
        if (rc >= 0) rc = put_task(t, at, &line);
        if (rc < 0) break;
        used += mn_notes_tokens(line.data, line.len);
        if (budget && used > budget)
            left++;
        else
            rc = mn_buf_append(out, line.data, line.len);
    }
    mn_buf_free(&line);
    if (rc >= 0 && left) rc = mn_buf_printf(out, "(%d more had no room)\n", left);
    return rc < 0 ? rc
                  : mn_buf_puts(out, "○ pending  ● done  ✗ failed  ← builds on  ∥ beside  ! what "
                                     "it builds on has changed\n");
}
