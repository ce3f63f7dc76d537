/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/history_longmemeval.c - LongMemEval (Wu et al. 2024): each item is one question with a
 * history of its own,
 *   {question_id, question_type, question, answer, question_date, haystack_session_ids,
 *    haystack_dates, haystack_sessions: [[{role, content, has_answer}]], answer_session_ids}
 * Sessions are brought into the order of their dates. An id that ends with _abs is a question whose
 * answer nobody gave.
 */
#include "bench/history_form.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/when.h"

#include <stdlib.h>
#include <string.h>

typedef struct place {
    int64_t at;
    size_t i;
} place;

static int earlier(const void *a, const void *b) {
    const place *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

static int add_turns(mn_history *h, const mn_sitting *s, const json_t *turns, mn_asked *q,
                     mn_reader *r) {
    size_t i;
    json_t *t;
    json_array_foreach(turns, i, t) {
        const char *const role = mn_text_of(t, "role"), *text = mn_text_of(t, "content");
        const char *ref;
        if (!role || !text) {
            mn_reader_wrong(r, "%s: a turn without role or content", h->id);
            continue;
        }
        MN_TRY(mn_history_print(h, &ref, "%s:%zu", s->id, i + 1));
        MN_TRY(mn_history_say(h, ref, role, text));
        if (json_is_true(json_object_get(t, "has_answer")))
            mn_asked_gold(h, q, mn_turns_n(h) - 1, NULL);
    }
    return 0;
}

static int add_sitting(mn_history *h, const json_t *item, size_t i, mn_asked *q, mn_reader *r) {
    const json_t *const turns = json_array_get(json_object_get(item, "haystack_sessions"), i);
    const json_t *const ids = json_object_get(item, "haystack_session_ids");
    const char *const id = json_string_value(json_array_get(ids, i));
    const char *const time =
        json_string_value(json_array_get(json_object_get(item, "haystack_dates"), i));
    mn_sitting s = {.first = mn_turns_n(h)};
    if (!id || !json_is_array(turns)) {
        mn_reader_wrong(r, "%s: session %zu has no id or no turns", h->id, i + 1);
        return 0;
    }
    MN_TRY(mn_history_keep(h, id, &s.id));
    MN_TRY(mn_history_keep(h, time ? time : "", &s.time));
    MN_TRY(mn_buf_append(&h->sitting, &s, sizeof s));
    return add_turns(h, &s, turns, q, r);
}

static int add_sittings(mn_history *h, const json_t *item, mn_asked *q, mn_reader *r) {
    const json_t *const dates = json_object_get(item, "haystack_dates");
    const size_t n = json_array_size(json_object_get(item, "haystack_sessions"));
    place *order = mn_calloc(n + 1, sizeof *order);
    int rc = 0;
    if (!order) return MN_FAIL(MN_ENOMEM, "no memory for %zu sessions", n);
    for (size_t i = 0; i < n; i++) {
        const char *const date = json_string_value(json_array_get(dates, i));
        mn_when w = {0};
        if (date) mn_when_parse(date, &w);
        order[i] = (place){w.at, i};
    }
    qsort(order, n, sizeof *order, earlier);
    for (size_t i = 0; rc >= 0 && i < n; i++) rc = add_sitting(h, item, order[i].i, q, r);
    mn_free(order);
    return rc;
}

static int add_question(mn_history *h, const json_t *item, mn_asked *q) {
    const char *const time = mn_text_of(item, "question_date");
    const size_t n = strlen(h->id);
    size_t i;
    json_t *id;
    q->id = h->id;
    q->absent = n > 4 && strcmp(h->id + n - 4, "_abs") == 0;
    MN_TRY(mn_history_keep(h, mn_text_of(item, "question"), &q->text));
    MN_TRY(mn_history_keep(h, mn_text_of(item, "question_type"), &q->type));
    MN_TRY(mn_history_keep(h, time ? time : "", &q->time));
    MN_TRY(mn_answer_of(h, item, &q->answer));
    json_array_foreach(json_object_get(item, "answer_session_ids"), i, id) {
        const int at = json_is_string(id) ? mn_history_sitting(h, json_string_value(id)) : -1;
        if (at >= 0) mn_asked_sitting(q, at);
    }
    /* Of what changed, the last one to say it counts; those before said what it was. */
    if (strcmp(q->type, "knowledge-update") == 0 && q->n > 1) q->stale = q->gold[0];
    return mn_buf_append(&h->asked, q, sizeof *q);
}

int mn_longmemeval_item(const json_t *item, mn_reader *r, mn_history *h) {
    const char *const id = mn_text_of(item, "question_id");
    mn_asked q = {.stale = -1};
    r->format = "longmemeval";
    if (!id || !mn_text_of(item, "question") || !mn_text_of(item, "question_type")) {
        mn_reader_wrong(r, "an item without question_id, question or question_type");
        return 0;
    }
    MN_TRY(mn_history_keep(h, id, &h->id));
    MN_TRY(add_sittings(h, item, &q, r));
    if (!mn_turns_n(h)) {
        mn_reader_wrong(r, "%s: no turns", h->id);
        return 0;
    }
    MN_TRY(add_question(h, item, &q));
    if (q.absent || q.n_sittings) return 1;
    mn_reader_wrong(r, "%s: no session has the answer", h->id);
    return 0;
}
