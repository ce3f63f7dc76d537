/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem_recall.c - records as a text that a model reads before a question.
 *
 * Whoever wrote a record may have written "ignore all rules": what is recalled is never a system
 * message, says of itself that it is data (in words that organisers know it by), and each record is
 * a JSON object of one line, out of which no text can break.
 */
#include "api/mem.h"

#include "base/alloc.h"
#include "base/when.h"

#include <jansson.h>
#include <string.h>

typedef struct recalled {
    mn_buf text;
    int (*each)(void *user, const mn_record *record);
    void *user;
    int rc;
} recalled;

static int put_bytes(const char *bytes, size_t n, void *out) {
    return mn_buf_append(out, bytes, n);
}

int mn_mem_line(mn_buf *out, const mn_record *r) {
    char when[MN_WHEN_TEXT];
    json_t *const j = json_pack("{s:I}", "id", (json_int_t)r->id);
    if (j && r->from != MN_UNKNOWN) {
        mn_when_text(r->from, when);
        when[strlen(when) > 16 ? 16 : strlen(when)] = 0; /* minutes */
        json_object_set_new(j, "time", json_string(when));
    } else if (j && *r->time) {
        json_object_set_new(j, "time", json_string(r->time));
    }
    if (j && *r->speaker) json_object_set_new(j, "speaker", json_string(r->speaker));
    if (j && *r->source) json_object_set_new(j, "source", json_string(r->source));
    if (j) json_object_set_new(j, "text", json_stringn(r->text, r->n));
    const int rc = !j || json_dump_callback(j, put_bytes, out, 0) < 0
                       ? MN_FAIL(MN_ENOMEM, "no memory for what is recalled")
                       : mn_buf_puts(out, "\n");
    json_decref(j);
    return rc;
}

static int add(void *user, const mn_record *r) {
    recalled *const to = user;
    if (!to->text.len) to->rc = mn_buf_puts(&to->text, mn_org_recalled);
    if (to->rc >= 0) to->rc = mn_mem_line(&to->text, r);
    if (to->rc < 0) return 1;
    return to->each ? to->each(to->user, r) : 0;
}

int mn_mem_recall(mn_mem *m, const mn_scope *scope, const mn_find *what, char **text,
                  int (*each)(void *user, const mn_record *record), void *user) {
    recalled to = {.each = each, .user = user};
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
