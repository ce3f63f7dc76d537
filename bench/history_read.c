/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/history_read.c - histories from files of others: LoCoMo (as published, and reshaped) and
 * LongMemEval, by what an item looks like.
 *
 * A file is one JSON array, read an item at a time, so that files of gigabytes fit. An item or a
 * question that is not what it should be is counted and skipped; a file that breaks off counts as
 * one more. Pictures are what their caption says, in brackets behind the text.
 */
#include "bench/history.h"

#include "bench/history_form.h"

#include "base/error.h"
#include "base/file.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void mn_reader_wrong(mn_reader *r, const char *format, ...) {
    va_list list;
    if (!r->wrong++) {
        va_start(list, format);
        vsnprintf(r->why, sizeof r->why, format, list);
        va_end(list);
    }
}

const char *mn_text_of(const json_t *o, const char *key) {
    return json_string_value(json_object_get(o, key));
}

int mn_answer_of(mn_history *h, const json_t *o, const char **out) {
    const json_t *v = json_object_get(o, "answer");
    if (json_is_integer(v))
        return mn_history_print(h, out, "%lld", (long long)json_integer_value(v));
    return mn_history_keep(h, json_is_string(v) ? json_string_value(v) : "", out);
}

static int read_item(const json_t *item, mn_reader *r, mn_history *h) {
    if (json_object_get(item, "haystack_sessions")) return mn_longmemeval_item(item, r, h);
    if (json_object_get(item, "conversation") || json_object_get(item, "sessions"))
        return mn_locomo_item(item, r, h);
    mn_reader_wrong(r, "an item has neither haystack_sessions nor conversation nor sessions");
    return 0;
}

/* Hand it on, unless nothing of use is in it. */
static int deliver(const json_t *item, mn_reader *r) {
    mn_history h = {0};
    int rc = read_item(item, r, &h);
    if (rc > 0) {
        r->n++;
        rc = r->each(r->user, &h);
    }
    mn_history_free(&h);
    return rc;
}

static size_t skip(const mn_map *m, size_t at) {
    while (at < m->size && (isspace(m->data[at]) || m->data[at] == ',')) at++;
    return at;
}

static int read_all(const mn_map *m, const char *path, mn_reader *r) {
    size_t at = skip(m, 0);
    if (at == m->size || m->data[at] != '[')
        return MN_FAIL(MN_ECORRUPT,
                       "%s is no JSON array: it should be a file of LoCoMo or LongMemEval", path);
    for (at = skip(m, at + 1); at < m->size && m->data[at] != ']'; at = skip(m, at)) {
        json_error_t e;
        json_t *item = json_loadb((const char *)m->data + at, m->size - at,
                                  JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, &e);
        if (!item) {
            mn_reader_wrong(r, "from byte %zu on: %s", at, e.text);
            break;
        }
        const int rc = deliver(item, r);
        json_decref(item);
        if (rc) return rc;
        at += (size_t)e.position;
    }
    return 0;
}

int mn_history_read(const char *path, mn_reader *r) {
    mn_map m = {0};
    MN_TRY(mn_file_map(path, &m));
    int rc = read_all(&m, path, r);
    mn_file_unmap(&m);
    if (rc >= 0 && !r->n)
        rc = MN_FAIL(MN_ECORRUPT, "%s has no history that can be read (%d items are wrong: %s)",
                     path, r->wrong, r->why);
    return rc;
}
