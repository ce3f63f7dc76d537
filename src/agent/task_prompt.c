/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task_prompt.c - what an agent has to know for one task, and nothing else.
 *
 *     Task: Book a trip: two weeks in May        the path, from the root down to it
 *     > Flights
 *     > Outbound (pending): find one
 *     It builds on:                              depth first, each once
 *     - Dates (done): 3 to 9 May
 *     Said about it:                             its own turns, oldest first
 *     user: not before nine
 *
 * Paths come first, so that prompts of neighbours begin with the same tokens, whose keys and values
 * are computed once. What is over the budget is left out from its end: the newest turns and the
 * nearest dependencies stay.
 */
#include "agent/notes.h"
#include "agent/task.h"

#include <stdio.h>
#include <string.h>

/* Further lines of a text are indented, so that nothing in it looks like one of ours. */
static int put_text(mn_buf *out, const char *text) {
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        MN_TRY(mn_buf_append(out, text, (size_t)(end - text)));
        MN_TRY(mn_buf_puts(out, "\n    "));
    }
    MN_TRY(mn_buf_puts(out, text));
    return mn_buf_puts(out, "\n");
}

static int put_task(mn_buf *out, const char *mark, const mn_task *one, int state) {
    MN_TRY(mn_buf_puts(out, mark));
    MN_TRY(mn_buf_puts(out, one->slot));
    if (state)
        MN_TRY(mn_buf_printf(out, " (%s%s)", mn_task_statuses[one->status],
                             one->flagged ? ", what it builds on has changed" : ""));
    if (!*one->text) return mn_buf_puts(out, "\n");
    MN_TRY(mn_buf_puts(out, ": "));
    return put_text(out, one->text);
}

/* A part that fits, or is counted: 1 when it is in. */
static int fit(mn_buf *out, const mn_buf *part, int64_t budget, int64_t *used, int *left) {
    const int64_t tokens = part->len ? mn_notes_tokens(part->data, part->len) : 0;
    if (budget && *used + tokens > budget) {
        ++*left;
        return 0;
    }
    *used += tokens;
    MN_TRY(mn_buf_append(out, part->data, part->len));
    return 1;
}

/* Those it builds on, depth first. */
static int put_deps(mn_tasks *t, int at, int64_t budget, int64_t *used, mn_buf *out) {
    mn_buf part = {0};
    char *seen;
    int *stack, n = 0, left = 0, any = 0, rc = 0;
    size_t edges = 1;
    for (int i = 0; i < t->n; i++) edges += (size_t)t->node[i].n_deps;
    MN_TRY(mn_arena_take(&t->arena, (size_t)t->n, &seen));
    MN_TRY(mn_arena_take(&t->arena, edges * sizeof *stack, &stack));
    for (int d = t->node[at].n_deps; d--;) stack[n++] = t->node[at].deps[d];
    while (n && rc >= 0) {
        const int i = stack[--n];
        if (seen[i]) continue;
        seen[i] = 1;
        mn_buf_clear(&part);
        rc = any ? 0 : mn_buf_puts(&part, "It builds on:\n");
        if (rc >= 0) rc = put_task(&part, "- ", t->node + i, 1);
        if (rc >= 0) rc = fit(out, &part, budget, used, &left);
        any |= rc > 0;
        for (int d = t->node[i].n_deps; d--;)
            if (!seen[t->node[i].deps[d]]) stack[n++] = t->node[i].deps[d];
    }
    mn_buf_free(&part);
    if (rc >= 0 && left) rc = mn_buf_printf(out, "(%d more that it builds on had no room)\n", left);
    return rc;
}

/* The newest turns that fit, oldest of them first. */
static int put_said(const mn_task_said *said, int n, int64_t budget, int64_t used, mn_buf *out) {
    int first = n;
    for (; first > 0; first--) {
        const mn_task_said *const s = said + first - 1;
        used += mn_notes_tokens(s->text, strlen(s->text)) + 2;
        if (budget && used > budget) break;
    }
    if (first < n) MN_TRY(mn_buf_puts(out, "Said about it:\n"));
    if (first) MN_TRY(mn_buf_printf(out, "(%d earlier turns had no room)\n", first));
    for (; first < n; first++) {
        MN_TRY(mn_buf_printf(out, "%s: ", said[first].who));
        MN_TRY(put_text(out, said[first].text));
    }
    return 0;
}

int mn_task_prompt(mn_tasks *t, int at, const mn_task_said *said, int n_said, int64_t budget,
                   mn_buf *out) {
    int *path, n = 0;
    MN_TRY(mn_arena_take(&t->arena, (size_t)(t->node[at].depth + 1) * sizeof *path, &path));
    for (int i = at; i >= 0; i = t->node[i].parent) path[n++] = i;
    for (int i = n; i--;) {
        const mn_task *const one = t->node + path[i];
        MN_TRY(put_task(out, one->parent < 0 ? "Task: " : "> ", one, i == 0));
    }
    int64_t used = mn_notes_tokens(out->data, out->len);
    MN_TRY(put_deps(t, at, budget, &used, out));
    return put_said(said, n_said, budget, used, out);
}
