/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/history_dump.c - a history as lines of JSON, for other programs.
 */
#include "bench/history.h"

#include "base/error.h"
#include "base/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* One object, which is consumed, as a line. */
static int put(mn_buf *out, json_t *o) {
    char *line = o ? json_dumps(o, JSON_COMPACT) : NULL;
    const int rc = line ? mn_buf_printf(out, "%s\n", line)
                        : MN_FAIL(MN_ENOMEM, "no memory for a line of a history");
    free(line);
    json_decref(o);
    return rc;
}

static int save(const char *folder, const char *id, const char *kind, const mn_buf *b) {
    char path[4096];
    mn_filew *f;
    if (snprintf(path, sizeof path, "%s/%s%s.jsonl", folder, id, kind) >= (int)sizeof path)
        return MN_FAIL(MN_ETOOLONG, "the path %s/.. is longer than %zu bytes", folder, sizeof path);
    MN_TRY(mn_file_begin(path, &f));
    const int rc = mn_file_write(f, b->data ? b->data : "", b->len);
    if (rc >= 0) return mn_file_settle(&f);
    mn_file_abort(&f);
    return rc;
}

static int put_turns(const mn_history *h, mn_buf *out) {
    for (int i = 0; i < mn_turns_n(h); i++) {
        const mn_remark *t = &mn_turns(h)[i];
        const mn_sitting *s = &mn_sittings(h)[t->sitting];
        MN_TRY(put(out, json_pack("{s:s, s:s, s:s, s:s, s:s}", "text", t->text, "speaker",
                                  t->speaker, "time", s->time, "session", s->id, "ref", t->ref)));
    }
    return 0;
}

static int put_questions(const mn_history *h, mn_buf *out) {
    for (int i = 0; i < mn_askeds_n(h); i++) {
        const mn_asked *q = &mn_askeds(h)[i];
        json_t *turns = json_array(), *sittings = json_array();
        for (int k = 0; k < q->n; k++)
            json_array_append_new(turns, json_string(mn_turns(h)[q->gold[k]].ref));
        for (int k = 0; k < q->n_sittings; k++)
            json_array_append_new(sittings, json_string(mn_sittings(h)[q->sitting[k]].id));
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:b}", "id", q->id, "type",
                              q->type, "question", q->text, "answer", q->answer, "time", q->time,
                              "evidence", turns, "sessions", sittings, "absent", q->absent);
        if (q->stale >= 0) json_object_set_new(o, "stale", json_string(mn_turns(h)[q->stale].ref));
        if (q->from || q->until) {
            json_object_set_new(o, "from", json_integer(q->from / 1000000));
            json_object_set_new(o, "until", json_integer(q->until / 1000000));
        }
        MN_TRY(put(out, o));
    }
    return 0;
}

static int put_facts(const mn_history *h, mn_buf *out) {
    for (int i = 0; i < mn_truths_n(h); i++) {
        const mn_truth *t = &mn_truths(h)[i];
        json_t *o =
            json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "subject", t->subject, "relation",
                      t->relation, "value", t->value, "text", t->text, "from",
                      (json_int_t)(t->from / 1000000), "evidence", mn_turns(h)[t->turn].ref);
        if (t->until != INT64_MAX)
            json_object_set_new(o, "until", json_integer(t->until / 1000000));
        MN_TRY(put(out, o));
    }
    for (int i = 0; i < mn_pasts_n(h); i++) {
        const mn_past *p = &mn_pasts(h)[i];
        MN_TRY(put(out, json_pack("{s:s, s:s, s:s, s:s?}", "subject", p->subject, "relation",
                                  p->relation, "as_of", p->time, "answer",
                                  p->truth < 0 ? NULL : mn_truths(h)[p->truth].value)));
    }
    return 0;
}

int mn_history_dump(const mn_history *h, const char *folder) {
    static const struct {
        const char *kind;
        int (*put)(const mn_history *h, mn_buf *out);
    } files[] = {{"", put_turns}, {".questions", put_questions}, {".facts", put_facts}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        mn_buf b = {0};
        int rc = files[i].put(h, &b);
        if (rc >= 0) rc = save(folder, h->id, files[i].kind, &b);
        mn_buf_free(&b);
        MN_TRY(rc);
    }
    return 0;
}
