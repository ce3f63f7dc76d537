/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/trim_model.c - what a model is asked, and the only answers it can give: intents, and tasks
 * that there are, are enums, so that no slot is ever made up for a change or a question.
 */
#include "agent/trim.h"

#include <string.h>

enum { SHOWN = 64 }; /* tasks of the tree, the newest */

static int first_of(const mn_tasks *t, int root) {
    int n = 0, i = t->n;
    while (i > 0 && n < SHOWN) {
        i--;
        n += t->node[i].root == root && t->node[i].replaced < 0;
    }
    return i;
}

static int is_shown(const mn_tasks *t, int root, int i) {
    return root >= 0 && t->node[i].root == root && t->node[i].replaced < 0;
}

int mn_trim_question(const mn_tasks *t, int root, const char *said, mn_buf *prompt) {
    MN_TRY(mn_buf_puts(prompt, "A plan has these tasks (number, name, what is known, status):\n"));
    for (int i = first_of(t, root); i < t->n; i++) {
        const mn_task *const one = t->node + i;
        if (!is_shown(t, root, i)) continue;
        const size_t n = strcspn(one->text, "\r\n");
        MN_TRY(mn_buf_printf(prompt, "%lld %s: %.*s (%s)\n", (long long)one->id, one->slot,
                             (int)(n < 120 ? n : 120), one->text, mn_task_statuses[one->status]));
    }
    return mn_buf_printf(
        prompt,
        "The user says: \"%s\"\n"
        "Split it into parts. For each give the intent: new (a task the plan lacks: its slot is a "
        "short name, its text what is known), update (a task there is has another text now), check "
        "(a question: nothing changes), undo (a task goes back to what it was), replace (another "
        "task takes its place), ask (it is not clear what is meant). Answer with JSON.",
        said);
}

static int put_numbers(const mn_tasks *t, int root, mn_buf *out) {
    int n = 0;
    for (int i = first_of(t, root); i < t->n; i++)
        if (is_shown(t, root, i))
            MN_TRY(mn_buf_printf(out, "%s%lld", n++ ? "," : "", (long long)t->node[i].id));
    return n;
}

/* One kind of operation: its intents, and which members it has. */
static int put_kind(const mn_tasks *t, int root, const char *intents, int task, const char *rest,
                    const char *needed, mn_buf *out) {
    MN_TRY(mn_buf_printf(out, "{\"type\":\"object\",\"properties\":{\"intent\":{\"enum\":[%s]}",
                         intents));
    if (task) {
        MN_TRY(mn_buf_puts(out, ",\"task\":{\"enum\":["));
        MN_TRY(put_numbers(t, root, out));
        MN_TRY(mn_buf_puts(out, "]}"));
    }
    return mn_buf_printf(out, "%s},\"required\":[\"intent\"%s%s],\"additionalProperties\":false}",
                         rest, task ? ",\"task\"" : "", needed);
}

#define SLOT ",\"slot\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":60}"
#define TEXT ",\"text\":{\"type\":\"string\",\"maxLength\":200}"
int mn_trim_schema(const mn_tasks *t, int root, mn_buf *out) {
    MN_TRY(mn_buf_puts(
        out, "{\"type\":\"object\",\"properties\":{\"ops\":{\"type\":\"array\",\"minItems\":1,"
             "\"maxItems\":6,\"items\":{\"anyOf\":["));
    MN_TRY(put_kind(t, root, "\"new\"", 0, SLOT TEXT, ",\"slot\",\"text\"", out));
    if (root >= 0) {
        MN_TRY(mn_buf_puts(out, ","));
        MN_TRY(put_kind(t, root, "\"update\"", 1, TEXT, ",\"text\"", out));
        MN_TRY(mn_buf_puts(out, ","));
        MN_TRY(put_kind(t, root, "\"check\",\"undo\"", 1, "", "", out));
        MN_TRY(mn_buf_puts(out, ","));
        MN_TRY(put_kind(t, root, "\"replace\"", 1, SLOT TEXT, ",\"slot\",\"text\"", out));
        MN_TRY(mn_buf_puts(out, ","));
        MN_TRY(put_kind(t, root, "\"ask\"", 0, TEXT, ",\"text\"", out));
    }
    return mn_buf_puts(out, "]}}},\"required\":[\"ops\"],\"additionalProperties\":false}");
}
