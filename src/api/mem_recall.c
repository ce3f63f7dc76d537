/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem_recall.c - records as a text that a model reads before a question.
 *
 * Whoever wrote a record may have written "ignore all rules": what is recalled is never a system
 * message, says of itself that it is data (in words that organisers know it by), and each record is
 * one line, whose texts are JSON strings, so that none can break out of it:
 *
 *   #12 2024-05-08 "Ann": "I moved to Ghent." from "mail"
 *
 * Names of fields would be a third of what the model reads. A text that alone is over the budget is
 * cut, and says so.
 */
#include "api/mem.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/when.h"

#include <jansson.h>
#include <string.h>

static const int64_t RECENT = (int64_t)2 * 24 * 3600 * 1000000;

typedef struct recalled {
    mn_buf text;
    int64_t budget; /* 0: any */
    int (*each)(void *user, const mn_record *record);
    void *user;
    int rc;
} recalled;

/* The bytes of whole characters that have room in so many tokens, counted as searches count. */
static size_t within(const char *text, size_t n, int64_t tokens) {
    int64_t quarters = 0;
    size_t at = 0;
    for (; at < n; at++) {
        const unsigned char c = (unsigned char)text[at];
        quarters += c < 0x80 ? 1 : c >= 0xc0 ? 4 : 0;
        if (quarters > 4 * tokens) break;
    }
    return at;
}

/* The day, as it is said to a model; of the last two, the minute, too. */
static void day_of(const mn_record *r, char when[MN_WHEN_TEXT]) {
    const int recent = mn_when_now() - r->from < RECENT && r->from <= mn_when_now();
    mn_when_text(r->from, when);
    const size_t most = recent ? 16 : 10;
    if (strlen(when) > most) when[most] = 0;
    if (recent && strlen(when) == 16) when[10] = ' ';
}

/* A text as a JSON string, which no quote and no line can leave. */
static int put_string(mn_buf *out, const char *before, const char *text, size_t n) {
    json_t *const j = json_stringn(text, n);
    int rc = mn_buf_puts(out, before);
    if (rc >= 0) rc = mn_json_write(j, JSON_ENCODE_ANY, out);
    json_decref(j);
    return rc;
}

int mn_mem_line(mn_buf *out, const mn_record *r, int64_t budget) {
    const size_t n = budget ? within(r->text, r->n, budget) : r->n;
    char when[MN_WHEN_TEXT];
    MN_TRY(mn_buf_printf(out, "#%lld", (long long)r->id));
    if (r->from != MN_UNKNOWN) {
        day_of(r, when);
        MN_TRY(mn_buf_printf(out, " %s", when));
    } else if (*r->time) {
        MN_TRY(put_string(out, " ", r->time, strlen(r->time)));
    }
    if (*r->speaker) MN_TRY(put_string(out, " ", r->speaker, strlen(r->speaker)));
    MN_TRY(put_string(out, ": ", r->text, n));
    if (n < r->n) MN_TRY(mn_buf_printf(out, " (cut: it has %zu bytes)", r->n));
    if (*r->source && strcmp(r->source, "chat") != 0)
        MN_TRY(put_string(out, " from ", r->source, strlen(r->source)));
    return mn_buf_puts(out, "\n");
}

static int add(void *user, const mn_record *r) {
    recalled *const to = user;
    if (!to->text.len) to->rc = mn_buf_puts(&to->text, mn_org_recalled);
    if (to->rc >= 0) to->rc = mn_mem_line(&to->text, r, to->budget);
    if (to->rc < 0) return 1;
    return to->each ? to->each(to->user, r) : 0;
}

int mn_mem_recall(mn_mem *m, const mn_scope *scope, const mn_find *what, char **text,
                  int (*each)(void *user, const mn_record *record), void *user) {
    recalled to = {.budget = what->budget, .each = each, .user = user};
    *text = NULL;
    int rc = mn_mem_find(m, scope, what, add, &to);
    if (to.rc < 0) rc = to.rc;
    if (rc >= 0 && to.text.len)
        rc = mn_buf_puts(&to.text, mn_org_recalled_end) < 0 ? MN_ENOMEM : rc;
    if (rc >= 0)
        *text = to.text.data;
    else
        mn_buf_free(&to.text);
    return rc;
}
