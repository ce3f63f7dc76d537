/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org/ask.c - a text that somebody wrote goes into a prompt as a JSON string of one line, out
 * of which it cannot break; what comes back is read as JSON and nothing else.
 */
#include "agent/org/ask.h"

#include "base/json.h"
#include "base/utf8.h"

#include <string.h>

int mn_ask_line(mn_buf *out, const char *speaker, const char *text, size_t n, size_t most) {
    if (n > most) n = most;
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
    json_t *const j =
        json_pack("{s:s, s:s%}", "speaker", *speaker ? speaker : "somebody", "text", text, n);
    int rc = mn_json_write(j, JSON_COMPACT, out);
    if (rc >= 0) rc = mn_buf_puts(out, "\n");
    json_decref(j);
    return rc;
}

int mn_ask(mn_org *c, const char *schema, const mn_buf *prompt, json_t **out) {
    mn_buf answer = {.limit = 1 << 20};
    *out = NULL;
    const int rc = c->model->extract(c->model->user, schema, prompt->data, &answer);
    if (rc >= 0 && answer.len) *out = json_loadb(answer.data, answer.len, 0, NULL);
    mn_buf_free(&answer);
    if (*out && !json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
    }
    return rc < 0 ? rc : *out != NULL;
}
