/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/history_locomo.c - LoCoMo (Maharana et al. 2024), in two shapes:
 *   as published  {sample_id, conversation: {session_1: [{speaker, dia_id, text, blip_caption}],
 *                 session_1_date_time, ..}, qa: [{question, answer, evidence, category}]}
 *   reshaped      {id, sessions: [{date, turns: [{id, speaker, text}]}], qa: the same}
 * Evidence names turns ("D1:3"; some items have several in one text). The annotation gives it for
 * adversarial questions too, so these count in retrieval, as in published figures.
 */
#include "bench/history_form.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const types[] = {"other", "multi", "temporal", "open", "single", "adversarial"};

static int add_turn(mn_history *h, const json_t *t, mn_reader *r) {
    const char *const plain = mn_text_of(t, "id");
    const char *const id = plain ? plain : mn_text_of(t, "dia_id");
    const char *const speaker = mn_text_of(t, "speaker"), *text = mn_text_of(t, "text");
    const char *const caption = mn_text_of(t, "blip_caption");
    mn_buf b = {0};
    if (!id || !speaker || !text) {
        mn_reader_wrong(r, "%s: a turn without id, speaker or text", h->id);
        return 0;
    }
    int rc = mn_buf_puts(&b, text);
    if (rc >= 0 && caption) rc = mn_buf_printf(&b, " [image: %s]", caption);
    if (rc >= 0) rc = mn_history_say(h, id, speaker, b.data);
    mn_buf_free(&b);
    return rc;
}

static int add_sitting(mn_history *h, const char *time, const json_t *turns, mn_reader *r) {
    mn_sitting s = {.first = mn_turns_n(h)};
    size_t i;
    json_t *t;
    MN_TRY(mn_history_print(h, &s.id, "D%d", mn_sittings_n(h) + 1));
    MN_TRY(mn_history_keep(h, time ? time : "", &s.time));
    MN_TRY(mn_buf_append(&h->sitting, &s, sizeof s));
    json_array_foreach(turns, i, t) MN_TRY(add_turn(h, t, r));
    return 0;
}

/* session_1, session_2, .. while there are any; gaps are allowed for. */
static int add_published(mn_history *h, const json_t *talk, mn_reader *r) {
    enum { MOST = 1000 };
    for (int i = 1; i < MOST; i++) {
        char key[40];
        snprintf(key, sizeof key, "session_%d", i);
        const json_t *turns = json_object_get(talk, key);
        snprintf(key, sizeof key, "session_%d_date_time", i);
        if (json_is_array(turns)) MN_TRY(add_sitting(h, mn_text_of(talk, key), turns, r));
    }
    return 0;
}

static int add_reshaped(mn_history *h, const json_t *sessions, mn_reader *r) {
    size_t i;
    json_t *s;
    json_array_foreach(sessions, i, s)
        MN_TRY(add_sitting(h, mn_text_of(s, "date"), json_object_get(s, "turns"), r));
    return 0;
}

/* "D8:6; D9:17" */
static void add_evidence(const mn_history *h, mn_asked *q, const char *text) {
    char ref[32];
    for (const char *p = text; *p;) {
        const size_t n = strcspn(p, " ,;");
        if (n && n < sizeof ref) {
            memcpy(ref, p, n);
            ref[n] = '\0';
            const int turn = mn_history_turn(h, ref);
            if (turn >= 0) mn_asked_gold(h, q, turn, NULL);
        }
        p += n + (p[n] != '\0');
    }
}

static int add_question(mn_history *h, const json_t *o, mn_reader *r) {
    const char *const text = mn_text_of(o, "question");
    const json_t *const evidence = json_object_get(o, "evidence");
    const int category = (int)json_integer_value(json_object_get(o, "category"));
    mn_asked q = {.stale = -1, .type = types[category >= 1 && category <= 5 ? category : 0]};
    size_t i;
    json_t *e;
    if (!text || !json_is_array(evidence)) {
        mn_reader_wrong(r, "%s: a question without text or evidence", h->id);
        return 0;
    }
    MN_TRY(mn_history_keep(h, text, &q.text));
    MN_TRY(mn_answer_of(h, o, &q.answer));
    MN_TRY(mn_history_print(h, &q.id, "%s-q%d", h->id, mn_askeds_n(h) + 1));
    json_array_foreach(evidence, i, e) if (json_is_string(e))
        add_evidence(h, &q, json_string_value(e));
    if (!q.n && json_array_size(evidence)) {
        mn_reader_wrong(r, "%s: the evidence of '%.60s' is no turn", h->id, text);
        return 0;
    }
    q.absent = !q.n;
    return mn_buf_append(&h->asked, &q, sizeof q);
}

int mn_locomo_item(const json_t *item, mn_reader *r, mn_history *h) {
    const json_t *const talk = json_object_get(item, "conversation"), *const qa = json_object_get(
                                                                          item, "qa");
    const json_t *const id = json_object_get(item, talk ? "sample_id" : "id");
    size_t i;
    json_t *o;
    r->format = "locomo";
    if (json_is_string(id))
        MN_TRY(mn_history_keep(h, json_string_value(id), &h->id));
    else
        MN_TRY(mn_history_print(h, &h->id, "c%lld", (long long)json_integer_value(id)));
    if (talk)
        MN_TRY(add_published(h, talk, r));
    else
        MN_TRY(add_reshaped(h, json_object_get(item, "sessions"), r));
    if (!mn_turns_n(h)) {
        mn_reader_wrong(r, "%s: no turns", h->id);
        return 0;
    }
    json_array_foreach(qa, i, o) MN_TRY(add_question(h, o, r));
    return 1;
}
