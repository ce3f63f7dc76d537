/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/answers.c - asking, and what an answer is judged by (answers.h).
 */
#include "bench/answers.h"

#include "agent/words.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 400 };

/* ---- words ---------------------------------------------------------------------------------- */
/* Numbers of records, "(#12)", are no words of an answer. */
static int words_of(const char *text, uint64_t out[WORDS]) {
    int n = 0;
    for (mn_words w = mn_words_of(text, strlen(text)); n < WORDS && mn_words_spoken(&w);)
        if ((const char *)w.from == text || w.from[-1] != '#') out[n++] = mn_hash64(w.word, w.n);
    return n;
}

static int has_row(const uint64_t *all, int n, const uint64_t *row, int k) {
    for (int i = 0; k && i + k <= n; i++)
        if (memcmp(all + i, row, (size_t)k * sizeof *row) == 0) return 1;
    return 0;
}

/* Does the text have these words in a row? */
static int says(const char *text, const char *value) {
    uint64_t a[WORDS], v[WORDS];
    const int n = words_of(text, a), k = words_of(value, v);
    return has_row(a, n, v, k);
}

static double f1(const char *text, const char *value) {
    uint64_t a[WORDS], v[WORDS];
    const int n = words_of(text, a), k = words_of(value, v);
    int both = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < k; j++) {
            if (a[i] != v[j]) continue;
            v[j] = 0;
            both++;
            break;
        }
    return n + k ? 2.0 * both / (n + k) : 0;
}

/* What models say who do not know. */
static int declines(const char *text) {
    static const char *const forms[] = {
        "do not know",  "don't know",     "not mention",      "n't mention",     "do not say",
        "does not say", "do not provide", "does not provide", "no information",  "not specified",
        "not provided", "no record",      "do not contain",   "does not contain"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcasestr(text, forms[i])) return 1;
    return 0;
}

/* ---- what changed --------------------------------------------------------------------------- */
static int is_gold(const mn_asked *q, int turn) {
    for (int i = 0; i < q->n; i++)
        if (q->gold[i] == turn) return 1;
    return 0;
}

static const char *cites(const mn_judge *j, const mn_asked *q, const char *text) {
    const int64_t *const ids = (const int64_t *)(const void *)j->ids.data;
    const int n = (int)(j->ids.len / sizeof *ids);
    const char *found = "none";
    for (const char *at = strchr(text, '#'); at; at = strchr(at + 1, '#')) {
        const int64_t id = strtoll(at + 1, NULL, 10);
        for (int i = 0; i < n; i++) {
            if (ids[i] != id) continue;
            if (is_gold(q, i)) return "newest";
            if (i == q->stale) found = "old";
        }
        if (strcmp(found, "none") == 0) found = "other";
    }
    return found;
}

/* What was true before, in words; NULL: nobody knows. */
static const char *old_value(const mn_history *h, const mn_asked *q) {
    for (int i = 0; i < mn_truths_n(h); i++)
        if (mn_truths(h)[i].turn == q->stale) return mn_truths(h)[i].value;
    return NULL;
}

static const char *value(const mn_history *h, const mn_asked *q, const char *text) {
    const char *const old = old_value(h, q);
    if (says(text, q->answer)) return "newest";
    return old && says(text, old) ? "old" : "other";
}

/* ---- one question --------------------------------------------------------------------------- */
static int note(void *user, const mn_record *r) {
    mn_answers *const a = user;
    return mn_cli_ask_show(&a->ask, r) < 0;
}

static int shown(const mn_answers *a, const mn_asked *q) {
    const int64_t *const ids = (const int64_t *)(const void *)a->judge.ids.data;
    for (int i = 0; i < a->ask.n; i++)
        for (int k = 0; k < q->n; k++)
            if (ids[q->gold[k]] == a->ask.shown[i].id) return 1;
    return 0;
}

static json_t *judged(const mn_answers *a, const mn_history *h, const mn_asked *q) {
    const char *const text = a->ask.answer.data ? a->ask.answer.data : "";
    const int answers = !q->absent && *q->answer;
    json_t *const o = json_pack(
        "{s:s, s:b, s:s, s:s, s:s, s:b, s:b, s:f, s:i, s:i}", "type", q->type, "absent", q->absent,
        "question", q->text, "right", q->answer, "answer", text, "declined", declines(text),
        "exact", answers && says(text, q->answer), "f1", answers ? f1(text, q->answer) : 0.0,
        "read", a->ask.stats.prompt_tokens, "written", a->ask.stats.tokens);
    if (o && q->stale >= 0) {
        json_object_set_new(o, "cites", json_string(cites(&a->judge, q, text)));
        json_object_set_new(o, "value", json_string(value(h, q, text)));
    }
    return o;
}

static int ask_one(mn_answers *a, const mn_scope *scope, const mn_history *h, const mn_asked *q,
                   const char *id) {
    const mn_find what = {.query = q->text, .k = MN_CLI_ASK_RECORDS, .budget = MN_CLI_ASK_BUDGET};
    char *recalled = NULL;
    double near = 1;
    mn_cli_ask_clear(&a->ask);
    const double begun = mn_clock_seconds();
    const int unknown = mn_mem_unknown(a->judge.mem, scope, q->text, &near);
    int rc = unknown < 0 ? unknown : mn_mem_recall(a->judge.mem, scope, &what, &recalled, note, a);
    const double searched = mn_clock_seconds();
    if (rc >= 0) rc = mn_cli_ask_answer(&a->ask, q->text, recalled);
    mn_free_text(recalled);
    MN_TRY(rc);
    json_t *const o = judged(a, h, q);
    json_object_update_new(o, json_pack("{s:s, s:s, s:b, s:f, s:b, s:f, s:f}", "id", id, "model",
                                        a->o->model, "unknown", unknown, "near", near, "shown",
                                        shown(a, q), "search_seconds", searched - begun, "seconds",
                                        mn_clock_seconds() - searched));
    return mn_answers_add(a, o);
}

/* ---- one history ---------------------------------------------------------------------------- */
typedef struct place {
    uint64_t order;
    int at;
} place;

static int by_order(const void *a, const void *b) {
    const uint64_t x = ((const place *)a)->order, y = ((const place *)b)->order;
    return (x > y) - (x < y);
}

/* Its questions in an order that mixes their types, the same each time. */
static int mix(const mn_history *h, mn_buf *out) {
    for (int i = 0; i < mn_askeds_n(h); i++) {
        const char *const text = mn_askeds(h)[i].text;
        const place p = {mn_hash64(text, strlen(text)), i};
        MN_TRY(mn_buf_append(out, &p, sizeof p));
    }
    if (out->len) qsort(out->data, out->len / sizeof(place), sizeof(place), by_order);
    return 0;
}

static int ask_all(mn_answers *a, const mn_history *h, const place *order, int n) {
    const mn_scope scope = {.user = h->id};
    int told = 0;
    for (int i = 0; i < n; i++) {
        const mn_asked *const q = mn_askeds(h) + order[i].at;
        char id[256];
        if (a->o->data && *a->o->data)
            snprintf(id, sizeof id, "%s:%s", a->o->data, q->id);
        else
            snprintf(id, sizeof id, "%llu:%s", (unsigned long long)a->o->seed, q->id);
        if (mn_answers_has(a, id)) continue;
        if (!told++) MN_TRY(mn_judge_tell(&a->judge, &scope, h));
        MN_TRY(ask_one(a, &scope, h, q, id));
        fprintf(stderr, "%s, question %d of %d\n", h->id, i + 1, n);
    }
    return 0;
}

static int ask_history(void *user, mn_history *h) {
    mn_answers *const a = user;
    mn_buf order = {0};
    int rc = mix(h, &order);
    const int all = mn_askeds_n(h), n = a->o->limit && a->o->limit < all ? a->o->limit : all;
    if (rc >= 0) rc = ask_all(a, h, (const place *)(const void *)order.data, n);
    mn_buf_free(&order);
    return rc;
}

/* ---- the run -------------------------------------------------------------------------------- */
static int open_model(mn_answers *a) {
    if (strstr(a->o->model, "://")) {
        a->ask.endpoint = a->o->model;
        return 0;
    }
    const mn_model_options how = {.threads = a->o->threads, .region = a->region};
    return mn_model_open(a->o->model, &how, &a->ask.model);
}

int mn_bench_answers(const mn_bench_options *o) {
    mn_answers a = {.o = o, .lines = json_array(), .ask = {.request = mn_request_default()}};
    mn_reader r = {.format = "memgen", .each = ask_history, .user = &a};
    int rc = mn_answers_read(&a);
    if (rc >= 0) rc = mn_judge_open(&a.judge, o->vectors, o->organise);
    if (rc >= 0) rc = open_model(&a);
    if (rc >= 0) rc = mn_bench_histories(o, &r);
    if (rc >= 0) rc = mn_answers_report(&a);
    mn_model_close(&a.ask.model);
    mn_judge_close(&a.judge);
    mn_cli_ask_free(&a.ask);
    json_decref(a.lines);
    return rc;
}
